import type { Page } from 'playwright-core';
import { describe, expect, inject, test } from 'vitest';
import { judgePage, lighthouseTrouble } from '../../scripts/lib/lighthouse.mjs';
import { useBrowser } from './kit/browsing.ts';
import { draw, release } from './kit/cluster.ts';
import { violationsOf } from './kit/axe.ts';
import { REFUSED } from './kit/page-watch.ts';

const LIGHTHOUSE_TIMEOUT_MS = 180_000;

const browsing = useBrowser();

/** Opens a page that shows as much as one page can: a life, replies, a proof, an open demonstration. */
async function fullPage(context: Parameters<typeof browsing.open>[0]): Promise<Page> {
  const drawn = await draw(0, { reference: 'axe' });
  await release(1, drawn);
  await draw(2, { reference: 'axe again' });
  const { page } = await browsing.open({ at: `#find=${drawn.sequenceNumber}&demo=load-test`, ...context });
  await page.locator('[data-testid="find-state"][data-status="issued"]').waitFor();
  await page.getByTestId('quick-site-1-partition-a').click();
  await page.getByTestId('reply').waitFor();
  await page.getByTestId('verify-button').click();
  await page.locator('[data-testid="verify-result"][data-tone="good"]').waitFor();
  await page.locator('#audit').scrollIntoViewIfNeeded();
  await page.getByTestId('audit-rows').locator('tr').first().waitFor();
  await page.getByTestId('feed-row').first().waitFor();
  return page;
}

describe('axe finds nothing', () => {
  test.each(['light', 'dark'] as const)('in the %s page', async colorScheme => {
    const page = await fullPage({ context: { colorScheme } });
    expect(await violationsOf(page)).toEqual([]);
  });

  test.each(['light', 'dark'] as const)('at 360 pixels, %s', async colorScheme => {
    const page = await fullPage({ context: { colorScheme, viewport: { width: 360, height: 740 } } });
    expect(await violationsOf(page)).toEqual([]);
  });

  test.each(['light', 'dark'] as const)('with dialogs and the tour open, %s', async colorScheme => {
    const { page } = await browsing.open({ context: { colorScheme }, tour: true });
    await page.getByTestId('tour').waitFor();
    expect(await violationsOf(page), 'tour').toEqual([]);
    await page.getByTestId('tour-skip').click();
    await page.keyboard.press('Control+k');
    await page.locator('[data-testid="palette"][open]').waitFor();
    expect(await violationsOf(page), 'palette').toEqual([]);
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByTestId('shortcuts').waitFor();
    expect(await violationsOf(page), 'help').toEqual([]);
  });

  test('with errors shown', async () => {
    const { page, watch } = await browsing.open();
    watch.allow(REFUSED);
    await page.getByTestId('find-number').fill('nonsense');
    await page.getByTestId('find-go').click();
    await page.getByTestId('audit-number').fill('nonsense');
    await page.getByTestId('audit-go').click();
    await page.getByTestId('release-number').fill('99999999');
    await page.getByTestId('release').click();
    await page.getByTestId('reply').waitFor();
    expect(await violationsOf(page)).toEqual([]);
  });
});

test('Lighthouse gives accessibility 100', { timeout: LIGHTHOUSE_TIMEOUT_MS }, async ({ skip }) => {
  const trouble = await lighthouseTrouble();
  skip(trouble !== undefined, `Lighthouse cannot be fetched: ${trouble}`);
  const url = `${inject('nodeUrls')[0]}/dashboard/`;
  const report = await judgePage({ url, chromium: inject('chromium'), categories: ['accessibility'] });
  expect(report.failures).toEqual([]);
  expect(report.scores['accessibility']).toBe(100);
});
