import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @typedef {import('playwright-core').CDPSession} Session
 * @typedef {import('playwright-core').Page} Page
 */

/**
 * @typedef {object} ThreadShare parts of the measured time in which the page's main thread was busy, 0 to 1
 * @property {number} busy all tasks
 * @property {number} script
 * @property {number} layout with styles
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
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'timeTicks' });
  await session.send('Network.enable');
  let frames = 0;
  session.on('Network.webSocketFrameReceived', () => (frames += 1));
  const before = await metricsOf(session);
  frames = 0;
  await sleep(ms);
  const seen = frames;
  const after = await metricsOf(session);
  await session.detach();
  const share = /** @param {readonly string[]} names @param {number} seconds */ (names, seconds) =>
    names.reduce((sum, name) => sum + ((after[name] ?? 0) - (before[name] ?? 0)), 0) / seconds;
  const seconds = (after['Timestamp'] ?? 0) - (before['Timestamp'] ?? 0);
  return {
    busy: share(['TaskDuration'], seconds),
    script: share(['ScriptDuration'], seconds),
    layout: share(['LayoutDuration', 'RecalcStyleDuration'], seconds),
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
