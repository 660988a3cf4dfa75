import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @typedef {import('playwright-core').CDPSession} Session
 * @typedef {import('playwright-core').Page} Page
 */

/**
 * @typedef {object} ThreadShare parts of the measured time, 0 to 1
 * @property {number} processor processor time that the page's main thread took
 * @property {number} script of that
 * @property {number} layout of that, with styles
 * @property {number} busy time in which it was in the middle of something, waiting for a processor included
 * @property {number} framesPerSecond of the stream
 */

/**
 * @typedef {object} HeapTrend
 * @property {{ minute: number, bytes: number, nodes: number }[]} points after a garbage collection each
 * @property {number} bytesPerMinute slope of a straight line through them, the first tenth left out
 */

/** @param {Session} session @returns {Promise<Record<string, number>>} */
async function metricsOf(session) {
  const { metrics } = await session.send('Performance.getMetrics');
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/**
 * How busy the main thread of a page is that shows the live cluster.
 *
 * @param {Page} page
 * @param {number} ms
 * @returns {Promise<ThreadShare>}
 */
export async function measureThread(page, ms) {
  // One counts the time of the clock, in which others may have had the processor; the other what the thread itself took.
  const clock = await page.context().newCDPSession(page);
  const thread = await page.context().newCDPSession(page);
  await clock.send('Performance.enable', { timeDomain: 'timeTicks' });
  await thread.send('Performance.enable', { timeDomain: 'threadTicks' });
  await clock.send('Network.enable');
  let frames = 0;
  clock.on('Network.webSocketFrameReceived', () => (frames += 1));
  const before = { clock: await metricsOf(clock), thread: await metricsOf(thread) };
  frames = 0;
  await sleep(ms);
  const seen = frames;
  const after = { clock: await metricsOf(clock), thread: await metricsOf(thread) };
  await Promise.all([clock.detach(), thread.detach()]);
  const seconds = (after.clock['Timestamp'] ?? 0) - (before.clock['Timestamp'] ?? 0);
  const share = /** @param {'clock' | 'thread'} by @param {readonly string[]} names */ (by, names) =>
    names.reduce((sum, name) => sum + ((after[by][name] ?? 0) - (before[by][name] ?? 0)), 0) / seconds;
  return {
    processor: share('thread', ['TaskDuration']),
    busy: share('clock', ['TaskDuration']),
    script: share('thread', ['ScriptDuration']),
    layout: share('thread', ['LayoutDuration', 'RecalcStyleDuration']),
    framesPerSecond: seen / seconds,
  };
}

/**
 * What the page keeps in memory while it goes on.
 *
 * @param {Page} page
 * @param {{ ms: number, points: number, log: (line: string) => void }} options
 * @returns {Promise<HeapTrend>}
 */
export async function measureHeap(page, { ms, points: count, log }) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'timeTicks' });
  await session.send('HeapProfiler.enable');
  /** @type {HeapTrend['points']} */
  const points = [];
  const startedAt = performance.now();
  for (let turn = 0; turn <= count; turn += 1) {
    await sleep(Math.max(0, startedAt + (ms * turn) / count - performance.now()));
    await session.send('HeapProfiler.collectGarbage');
    const metrics = await metricsOf(session);
    const minute = (performance.now() - startedAt) / 60_000;
    const bytes = metrics['JSHeapUsedSize'] ?? 0;
    points.push({ minute, bytes, nodes: metrics['Nodes'] ?? 0 });
    log(`${minute.toFixed(1)} min: ${(bytes / 1e6).toFixed(2)} MB, ${metrics['Nodes']} nodes`);
  }
  await session.detach();
  return { points, bytesPerMinute: slopeOf(points.slice(Math.ceil(points.length / 10))) };
}

/**
 * Least squares.
 *
 * @param {HeapTrend['points']} points
 */
function slopeOf(points) {
  const mean = /** @param {number[]} values */ values =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const x = mean(points.map(({ minute }) => minute));
  const y = mean(points.map(({ bytes }) => bytes));
  const above = points.reduce((sum, { minute, bytes }) => sum + (minute - x) * (bytes - y), 0);
  const below = points.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

/**
 * Bytes of all scripts as they were sent.
 *
 * @param {Page} page
 * @returns {Promise<number>}
 */
export async function scriptBytes(page) {
  return page.evaluate(
    `performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js'))
      .reduce((sum, entry) => sum + entry.encodedBodySize, 0)`,
  );
}
