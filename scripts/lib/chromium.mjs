import { access } from 'node:fs/promises';
import { findCachedChromium, installDebianChromium, unpackDebianChromium } from './chromium-debian.mjs';
import { runCommand } from './run-command.mjs';

/**
 * @typedef {object} Chromium a browser that can be driven
 * @property {string} bin
 * @property {string} version such as `156.0.8078.79`; empty when the program does not tell
 * @property {'env' | 'path' | 'place' | 'cache' | 'installed' | 'unpacked'} source where it came from
 */

/**
 * @typedef {object} ChromiumSource one place a browser can come from
 * @property {Chromium['source']} name
 * @property {(log: (line: string) => void) => Promise<{ bin: string, version: string } | undefined>} find gives undefined
 *   when there is nothing, throws with the reason when the attempt failed
 * @property {boolean} [required] a failure is final: the user asked for exactly this one
 */

const PROBE_TIMEOUT_MS = 30_000;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Where installers put it on systems that do not have it on PATH. */
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/**
 * Makes sure that there is a Chromium (or Chrome) to drive, fetching one on Debian when needed. Calling it again is
 * cheap, and several processes may call it at once.
 *
 * @param {{ log?: (line: string) => void, sources?: readonly ChromiumSource[] }} [options] `sources` is for tests
 * @returns {Promise<Chromium>}
 * @throws one error that lists what was tried and says what to install
 */
export async function ensureChromium({ log = () => {}, sources = defaultSources() } = {}) {
  /** @type {string[]} */
  const tried = [];
  for (const source of sources) {
    try {
      const found = await source.find(log);
      if (found !== undefined) return { ...found, source: source.name };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (source.required) throw new Error(reason, { cause: error });
      tried.push(`  - ${source.name}: ${reason}`);
    }
  }
  throw new Error(
    [
      'No Chromium found, and none could be fetched.',
      ...tried,
      'Install Chromium or Chrome so that "chromium" or "google-chrome" is on PATH, or set SEQD_CHROMIUM=/path/to/it.',
    ].join('\n'),
  );
}

/** @returns {ChromiumSource[]} in the order in which they are tried */
function defaultSources() {
  return [
    { name: 'env', required: true, find: () => fromEnvironment(process.env['SEQD_CHROMIUM']) },
    { name: 'path', find: () => firstThatRuns(NAMES) },
    { name: 'place', find: fromPlaces },
    { name: 'cache', find: () => findCachedChromium(probeChromium) },
    { name: 'installed', find: log => installDebianChromium(log, () => firstThatRuns(NAMES)) },
    { name: 'unpacked', find: log => unpackDebianChromium(log, probeChromium) },
  ];
}

/**
 * The version of a browser.
 *
 * @param {string} bin
 * @returns {Promise<string | undefined>} undefined when it does not run
 */
export async function probeChromium(bin) {
  // A name that is on PATH may be a stub that only says how to install the real one.
  const result = await runCommand(bin, ['--version'], { timeoutMs: PROBE_TIMEOUT_MS });
  return result.code === 0 ? /\d+(?:\.\d+){2,}/.exec(result.stdout)?.[0] : undefined;
}

/** @param {readonly string[]} names */
async function firstThatRuns(names) {
  for (const bin of names) {
    const version = await probeChromium(bin);
    if (version !== undefined) return { bin: await whereIs(bin), version };
  }
  return undefined;
}

/**
 * The full path of a program, which whoever starts it for us wants.
 *
 * @param {string} name
 */
async function whereIs(name) {
  const found = await runCommand('sh', ['-c', 'command -v -- "$1"', 'sh', name]);
  return found.stdout.trim() || name;
}

/** @param {string | undefined} bin */
async function fromEnvironment(bin) {
  if (bin === undefined || bin === '') return undefined;
  const version = await probeChromium(bin);
  if (version === undefined) throw new Error(`SEQD_CHROMIUM=${bin} is not a Chromium that runs here`);
  return { bin, version };
}

async function fromPlaces() {
  for (const bin of PLACES) {
    const there = await access(bin).then(
      () => true,
      () => false,
    );
    // On Windows a question for the version would open a window.
    if (there) return { bin, version: '' };
  }
  return undefined;
}
