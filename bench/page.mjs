// `npm run bench:page`: what the dashboard costs the browser that shows it, on a demonstration of its own under a steady load.
// Everything runs on this machine, so the cluster and the load take from the same processors.

import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ensureBuild } from '../scripts/lib/build.mjs';
import { judgePage, lighthouseTrouble } from '../scripts/lib/lighthouse.mjs';
import { startScratchPoc } from '../scripts/poc/scratch-poc.mjs';
import { runBounded } from './lib/bounded-main.mjs';
import { whole } from './lib/options.mjs';
import { measureHeap, measureThread, scriptBytes } from './lib/page/measure-page.mjs';
import { openDashboard } from './lib/page/open-dashboard.mjs';
import { startSteadyLoad } from './lib/page/steady-load.mjs';
import { median } from './lib/statistics.mjs';
import { textTable } from './lib/text-table.mjs';

const USAGE = `npm run bench:page -- [options]
  --minutes N       how long the heap is watched (2)
  --seconds N       how long the main thread is watched (30)
  --no-lighthouse   without its scores, which take two minutes and are fetched from the registry
  --quick           a few seconds of each: does it still work?
  --json FILE       write all figures`;

const AROUND_MS = 900_000;
const POINTS = 20;
/** Of each kind; its scores are known to vary, by several points on a machine that does other things, too. */
const LIGHTHOUSE_RUNS = 3;

/** @param {string} line */
const progress = line => process.stderr.write(`${line}\n`);
/** @param {string} [text] */
const print = (text = '') => process.stdout.write(`${text}\n`);

/**
 * @typedef {object} PageBenchOptions
 * @property {number} heapMs
 * @property {number} threadMs
 * @property {boolean} lighthouse
 * @property {string | undefined} json
 */

/** @param {PageBenchOptions} options @returns {Promise<boolean>} */
async function main({ heapMs, threadMs, lighthouse, json }) {
  await ensureBuild(progress);
  progress('starting a demonstration');
  const poc = await startScratchPoc();
  try {
    const [url = ''] = poc.urls;
    const { browser, page, program } = await openDashboard(url, { log: progress });
    const load = startSteadyLoad(poc.urls);
    progress('main thread');
    const before = load.drawn();
    const thread = await measureThread(page, threadMs);
    const rate = ((load.drawn() - before) * 1000) / threadMs;
    progress('heap');
    const heap = await measureHeap(page, { ms: heapMs, points: POINTS, log: progress });
    const bytes = await scriptBytes(page);
    await load.stop();
    await browser.close();
    const scores = lighthouse ? await judge(`${url}/dashboard/`, program) : {};
    report({ rate, thread, heap, bytes, scores });
    if (json !== undefined) {
      const figures = { at: new Date().toISOString(), rate, thread, heap, bytes, scores };
      await writeFile(json, `${JSON.stringify(figures, undefined, 2)}\n`);
    }
    return true;
  } finally {
    await poc.stop();
  }
}

/**
 * @param {string} url
 * @param {string} chromium
 * @returns {Promise<Record<string, number>>}
 */
async function judge(url, chromium) {
  const trouble = await lighthouseTrouble();
  if (trouble !== undefined) {
    progress(`no Lighthouse: ${trouble}`);
    return {};
  }
  /** @type {Record<string, number>} */
  const all = {};
  for (const desktop of [true, false]) {
    const device = desktop ? 'computer' : 'phone';
    const categories = ['performance', 'accessibility', 'best-practices'];
    /** @type {Record<string, number>[]} */
    const runs = [];
    for (let run = 1; run <= LIGHTHOUSE_RUNS; run += 1) {
      const { scores, failures } = await judgePage({ url, chromium, categories, desktop });
      runs.push(scores);
      progress(`Lighthouse, ${device}: ${JSON.stringify(scores)}`);
      for (const { category, id, title } of failures) progress(`  ${category}: ${id}: ${title}`);
    }
    for (const name of categories) all[`${name}, ${device}`] = median(runs.map(scores => scores[name] ?? 0));
  }
  return all;
}

/**
 * @param {{ rate: number, thread: import('./lib/page/measure-page.mjs').ThreadShare,
 *   heap: import('./lib/page/measure-page.mjs').HeapTrend, bytes: number, scores: Record<string, number> }} figures
 */
function report({ rate, thread, heap, bytes, scores }) {
  const percent = /** @param {number} share */ share => `${(share * 100).toFixed(1)} %`;
  const megabytes = /** @param {number} size */ size => `${(size / 1e6).toFixed(2)} MB`;
  const first = heap.points[0];
  const last = heap.points.at(-1);
  print(`\n${availableParallelism()} cores; 4 nodes, 3 etcd members, load and browser on one machine\n`);
  print(
    textTable([
      ['', 'measured', 'wanted'],
      ['numbers drawn per second meanwhile', rate.toFixed(0), ''],
      ['frames of the stream per second', thread.framesPerSecond.toFixed(1), ''],
      ['main thread, processor time', percent(thread.processor), '< 10 %'],
      ['  of which scripts', percent(thread.script), ''],
      ['  of which layout and styles', percent(thread.layout), ''],
      ['main thread busy, by the clock', percent(thread.busy), ''],
      ['heap at the beginning', megabytes(first?.bytes ?? 0), ''],
      [`heap after ${(last?.minute ?? 0).toFixed(1)} min`, megabytes(last?.bytes ?? 0), 'flat'],
      ['heap, slope per minute', `${(heap.bytesPerMinute / 1e3).toFixed(1)} kB`, ''],
      ['nodes of the document, first and last', `${first?.nodes} ${last?.nodes}`, ''],
      ['scripts as they are sent', `${(bytes / 1024).toFixed(1)} KB`, '< 100 KB'],
      ...Object.entries(scores).map(([name, score]) => [
        `Lighthouse: ${name}`,
        String(score),
        name.startsWith('accessibility') ? '100' : name.startsWith('performance') ? '≥ 95' : '',
      ]),
    ]),
  );
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    'no-lighthouse': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  print(USAGE);
} else {
  const heapMs = values.quick ? 5_000 : whole('--minutes', values.minutes ?? '2') * 60_000;
  const threadMs = values.quick ? 5_000 : whole('--seconds', values.seconds ?? '30') * 1_000;
  const lighthouse = !values['no-lighthouse'];
  const { json } = values;
  await runBounded(heapMs + threadMs + AROUND_MS, () => main({ heapMs, threadMs, lighthouse, json }));
}
