import { chromium } from 'playwright-core';
import { ensureChromium } from '../../../scripts/lib/chromium.mjs';

/**
 * @typedef {object} Dashboard the page in a browser
 * @property {import('playwright-core').Browser} browser
 * @property {import('playwright-core').Page} page
 * @property {string} program the browser's
 */

/**
 * Opens the dashboard of a node and waits until it shows the live cluster.
 *
 * @param {string} url of the node
 * @param {{ log?: (line: string) => void, context?: import('playwright-core').BrowserContextOptions }} [options]
 * @returns {Promise<Dashboard>} the caller closes the browser
 */
export async function openDashboard(url, { log = () => {}, context = {} } = {}) {
  const { bin } = await ensureChromium({ log });
  const browser = await chromium.launch({ executablePath: bin });
  // However this process ends.
  process.once('exit', () => void browser.close().catch(() => {}));
  const page = await (
    await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...context })
  ).newPage();
  await page.goto(`${url}/dashboard/?tour=off`);
  await page.locator('html[data-ready="true"]').waitFor();
  await page.locator('[data-testid="connection"][data-state="live"]').waitFor();
  return { browser, page, program: bin };
}
