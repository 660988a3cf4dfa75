import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {{ image: Buffer, text: string, ms: number }} Frame */

const FRAME_EVERY_MS = 250;
const RUN_MAX_MS = 120_000;
/** The line has come back by then. */
const AFTER_MS = 2_500;

/**
 * Presses "kill the leader" and puts the moments that tell the story side by side: under load, the dip, the recovery,
 * the proof.
 *
 * @param {Page} page shows the dashboard
 * @param {string} file PNG
 */
export async function filmFailover(page, file) {
  const strip = page.getByTestId('demo-strip');
  await strip.scrollIntoViewIfNeeded();
  await page.getByTestId('kill-leader').click();
  await page.getByTestId('strip-cancel').waitFor();
  const frames = await film(page);
  const chosen = choose(frames);
  await compose(page, chosen, file);
}

/**
 * @param {Page} page
 * @returns {Promise<Frame[]>}
 */
async function film(page) {
  const strip = page.getByTestId('demo-strip');
  /** @type {Frame[]} */
  const frames = [];
  const begin = performance.now();
  let endedAt = Infinity;
  while (performance.now() < Math.min(endedAt + AFTER_MS, begin + RUN_MAX_MS)) {
    const text = await strip.innerText();
    const runs = await page.getByTestId('strip-cancel').isVisible();
    if (endedAt === Infinity && !runs) endedAt = performance.now();
    const clip = await clipOf(page);
    frames.push({ image: await page.screenshot({ clip }), text, ms: performance.now() - begin });
    await sleep(FRAME_EVERY_MS);
  }
  return frames;
}

/**
 * The strip that tells of the demonstration and the chart below it. The strip may become higher.
 *
 * @param {Page} page
 */
async function clipOf(page) {
  const strip = await page.getByTestId('demo-strip').boundingBox();
  const chart = await page.getByTestId('chart-rate').boundingBox();
  if (strip === null || chart === null) throw new Error('the charts are not shown');
  const x = Math.min(strip.x, chart.x) - 8;
  const right = Math.max(strip.x + strip.width, chart.x + chart.width) + 8;
  return { x, y: strip.y - 8, width: right - x, height: chart.y + chart.height - strip.y + 12 };
}

/**
 * @param {readonly Frame[]} frames
 * @returns {{ frame: Frame, says: string }[]}
 */
function choose(frames) {
  const last = frames.at(-1);
  const killed = frames.findIndex(({ text }) => /kill/i.test(text.split('step')[1] ?? ''));
  const kill = frames[killed] ?? frames[Math.floor(frames.length / 3)];
  if (last === undefined || kill === undefined) throw new Error('nothing was filmed');
  const at = /** @param {number} ms */ ms => frames.find(frame => frame.ms >= kill.ms + ms) ?? last;
  const before = frames.findLast(frame => frame.ms <= kill.ms - 200) ?? frames[0] ?? last;
  return [
    { frame: before, says: '1. Two sites draw at four nodes; the leader commits' },
    { frame: at(1_800), says: '2. The leader is killed: the line dips' },
    { frame: at(5_500), says: '3. Another node leads: the line is back' },
    { frame: last, says: '4. Verified: longest gap measured, 0 holes' },
  ];
}

/**
 * @param {Page} page
 * @param {{ frame: Frame, says: string }[]} chosen
 * @param {string} file
 */
async function compose(page, chosen, file) {
  const sheet = await page.context().newPage();
  await sheet.setViewportSize({ width: 1440, height: 1200 });
  const cells = chosen.map(
    ({ frame, says }) =>
      `<figure><figcaption>${says}</figcaption><img src="data:image/png;base64,${frame.image.toString('base64')}"></figure>`,
  );
  await sheet.setContent(`<!doctype html><style>
    body { margin: 0; padding: 12px; background: #fff; font: 600 20px/1.3 sans-serif; color: #1b2330;
      display: grid; grid-template-columns: 1fr 1fr; gap: 16px; align-items: start; }
    figure { margin: 0; border: 1px solid #d5dae2; border-radius: 8px; overflow: hidden; }
    figcaption { padding: 10px 14px; background: #f3f5f8; }
    img { display: block; width: 100%; }
  </style>${cells.join('')}`);
  await sheet.waitForFunction('[...document.images].every(image => image.complete)');
  await sheet.locator('body').screenshot({ path: file });
  await sheet.close();
}
