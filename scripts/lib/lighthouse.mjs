import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runNpm } from './npm.mjs';
import { cacheDir } from './paths.mjs';

/** Fetched when it is wanted: with what it brings it is larger than all our dependencies together. */
const PACKAGE = 'lighthouse@12.8.2';

/**
 * @typedef {object} LighthouseReport
 * @property {Record<string, number>} scores 0 to 100, by category
 * @property {{ category: string, id: string, title: string }[]} failures audits that count and were not passed in full
 */

/** @param {readonly string[]} args */
function lighthouse(args) {
  const cache = `--cache=${join(cacheDir, 'npm-lighthouse')}`;
  return runNpm([
    'exec',
    '--yes',
    cache,
    '--prefer-offline',
    `--package=${PACKAGE}`,
    '--',
    'lighthouse',
    ...args,
  ]);
}

/**
 * Makes sure that Lighthouse can be run, fetching it into the project's cache when needed.
 *
 * @returns {Promise<string | undefined>} why it cannot; undefined when it can
 */
export async function lighthouseTrouble() {
  const result = await lighthouse(['--version']);
  return result.code === 0 ? undefined : (result.stderr.trim().split('\n').at(-1) ?? 'npm cannot fetch it');
}

/**
 * Judges a page.
 *
 * @param {{ url: string, chromium: string, categories: readonly string[], desktop?: boolean }} options `chromium` is the
 *   browser program; `desktop` measures as on a computer, else as on a slow phone
 * @returns {Promise<LighthouseReport>}
 * @throws with its own words
 */
export async function judgePage({ url, chromium, categories, desktop = false }) {
  const directory = await mkdtemp(join(tmpdir(), 'seqd-lighthouse-'));
  const file = join(directory, 'report.json');
  try {
    const result = await lighthouse([
      url,
      '--quiet',
      '--output=json',
      `--output-path=${file}`,
      `--only-categories=${categories.join(',')}`,
      ...(desktop ? ['--preset=desktop'] : []),
      `--chrome-path=${chromium}`,
      '--chrome-flags=--headless=new --no-sandbox',
    ]);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (result.code !== 0 || text === undefined) throw new Error(`lighthouse: ${result.stderr.trim()}`);
    return readReport(JSON.parse(text));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * @typedef {object} RawReport
 * @property {Record<string, { score: number | null, auditRefs: { id: string, weight: number }[] }>} categories
 * @property {Record<string, { title: string, score: number | null }>} audits
 */

/**
 * @param {RawReport} report
 * @returns {LighthouseReport}
 */
function readReport({ categories, audits }) {
  const scores = Object.entries(categories).map(([name, { score }]) => [
    name,
    Math.round((score ?? 0) * 100),
  ]);
  const failures = Object.entries(categories).flatMap(([category, { auditRefs }]) =>
    auditRefs.flatMap(({ id, weight }) => {
      const audit = audits[id];
      if (audit === undefined || weight === 0 || audit.score === null || audit.score >= 1) return [];
      return [{ category, id, title: audit.title }];
    }),
  );
  return { scores: Object.fromEntries(scores), failures };
}
