// `node bench/pictures.mjs`: the pictures of the README, taken from the real page on a demonstration of its own.

import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBuild } from '../scripts/lib/build.mjs';
import { projectRoot } from '../scripts/lib/paths.mjs';
import { startScratchPoc } from '../scripts/poc/scratch-poc.mjs';
import { runBounded } from './lib/bounded-main.mjs';
import { filmFailover } from './lib/page/film-failover.mjs';
import { openDashboard } from './lib/page/open-dashboard.mjs';
import { startSteadyLoad } from './lib/page/steady-load.mjs';

const TIMEOUT_MS = 600_000;
/** The charts show a minute; they should be full. */
const WARM_UP_MS = 70_000;
const BYTES_MAX = 400 * 1024;

/** @param {string} line */
const progress = line => process.stderr.write(`${line}\n`);

/** @returns {Promise<boolean>} */
async function main() {
  const folder = join(projectRoot, 'docs', 'images');
  await mkdir(folder, { recursive: true });
  await ensureBuild(progress);
  const poc = await startScratchPoc();
  try {
    const [url = ''] = poc.urls;
    const { browser, page } = await openDashboard(url, { log: progress });
    const load = startSteadyLoad(poc.urls, { clients: 24, pauseMs: 5 });
    progress('a minute of traffic');
    await page.waitForTimeout(WARM_UP_MS);
    await page.getByTestId('verify-button').click();
    await page.locator('[data-testid="verify-result"][data-tone="good"]').waitFor();
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(500);
      await page.screenshot({ path: join(folder, `dashboard-${colorScheme}.png`) });
    }
    await load.stop();
    progress('a minute of less traffic, and the failover in the middle of it');
    await page.emulateMedia({ colorScheme: 'light' });
    // The demonstration brings clients of its own, and the browser paints with the same processors.
    const lighter = startSteadyLoad(poc.urls, { clients: 8, pauseMs: 25 });
    await page.waitForTimeout(WARM_UP_MS);
    await filmFailover(page, join(folder, 'failover.png'));
    await lighter.stop();
    await browser.close();
  } finally {
    await poc.stop();
  }
  let well = true;
  for (const name of ['dashboard-light', 'dashboard-dark', 'failover']) {
    const { size } = await stat(join(folder, `${name}.png`));
    progress(`docs/images/${name}.png: ${(size / 1024).toFixed(0)} KB`);
    well &&= size <= BYTES_MAX;
  }
  return well;
}

await runBounded(TIMEOUT_MS, main);
