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
  const from = await strip.boundingBox();
  const to = await page.getByTestId('chart-rate').boundingBox();
  if (from === null || to === null) throw new Error('the charts are not shown');
  const clip = {
    x: Math.min(from.x, to.x),
    y: from.y - 4,
    width: Math.max(from.x + from.width, to.x + to.width) - Math.min(from.x, to.x),
    height: to.y + to.height - from.y + 8,
  };
  /** @type {Frame[]} */
  const frames = [];
  const begin = performance.now();
  let endedAt = Infinity;
  while (performance.now() < Math.min(endedAt + AFTER_MS, begin + RUN_MAX_MS)) {
    const text = await strip.innerText();
    if (endedAt === Infinity && !(await page.getByTestId('strip-cancel').isVisible()))
      endedAt = performance.now();
    frames.push({ image: await page.screenshot({ clip }), text, ms: performance.now() - begin });
    await sleep(FRAME_EVERY_MS);
  }
  return frames;
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
  const before = frames.findLast(frame => frame.ms <= kill.ms - 300) ?? frames[0] ?? last;
  return [
    { frame: before, says: '1. Four sites draw, the leader commits' },
    { frame: at(1_200), says: '2. The leader is killed: the line dips' },
    { frame: at(4_000), says: '3. Another node leads: the line is back' },
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
  await sheet.setContent(`<style>
    body { margin: 0; padding: 12px; background: #fff; font: 600 20px/1.3 sans-serif; color: #1b2330;
      display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
    figure { margin: 0; border: 1px solid #d5dae2; border-radius: 8px; overflow: hidden; }
    figcaption { padding: 10px 14px; background: #f3f5f8; }
    img { display: block; width: 100%; }
  </style>${cells.join('')}`);
  await sheet.waitForFunction('[...document.images].every(image => image.complete)');
  await sheet.locator('body').screenshot({ path: file });
  await sheet.close();
}
