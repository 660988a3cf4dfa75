import { type Page } from 'playwright-core';
import { describe, expect, inject, test } from 'vitest';
import { until } from '../kit/until.ts';
import { useBrowser, whenTrue } from './kit/browsing.ts';
import { currentRun, draw, release, seqd } from './kit/cluster.ts';

const LIVE_WITHIN_MS = 1_000;

const browsing = useBrowser();

/** A figure of the overview, without the thousands' separators. */
async function figure(page: Page, testid: string): Promise<number> {
  return Number((await page.getByTestId(testid).innerText()).replaceAll(/\D/g, ''));
}

/** Everything the overview says of the numbers. */
async function numbersOf(page: Page): Promise<Record<string, number | string | null>> {
  const names = ['issued', 'pooled', 'reserved', 'void', 'holes', 'next'];
  const figures = await Promise.all(names.map(async name => [name, await figure(page, name)] as const));
  return { ...Object.fromEntries(figures), chain: await page.getByTestId('chain').getAttribute('title') };
}

test('a draw at another node is on the page within a second, without a reload', async () => {
  await draw();
  const { page } = await browsing.open({ node: 0 });
  for (const node of [1, 2, 3]) {
    const before = await figure(page, 'issued');
    const startedAt = performance.now();
    await draw(node);
    await whenTrue(
      page,
      `Number(document.querySelector('[data-testid="issued"]').textContent.replaceAll(/\\D/g, '')) > ${before}`,
    );
    expect(performance.now() - startedAt).toBeLessThan(LIVE_WITHIN_MS);
  }
});

test('four tabs at four nodes agree with one another, with seqd stats and with seqd verify', async () => {
  const tabs = [];
  for (const node of inject('nodeUrls').keys()) tabs.push((await browsing.open({ node })).page);
  const drawn = await Promise.all(Array.from({ length: 20 }, (_, index) => draw(index % tabs.length)));
  await release(1, drawn[3]!);
  await release(2, drawn[7]!, { reason: 'suppressed' });

  const stats = await seqd('stats', '--url', inject('nodeUrls')[2]!);
  const { cluster, etcd } = await currentRun();
  const proof = await seqd('verify', '--cluster', cluster, '--etcd-endpoints', etcd.endpoints.join(','));
  const { chain } = stats['journal'] as { chain: string };
  for (const page of tabs) {
    const seen = await until('the tab has the last batch', async () => {
      const numbers = await numbersOf(page);
      return numbers['chain'] === chain ? numbers : undefined;
    });
    for (const name of ['issued', 'pooled', 'reserved', 'void', 'holes', 'next'])
      expect(seen[name], name).toBe(stats[name]);
  }
  expect(proof).toMatchObject({
    complete: true,
    holes: [],
    chain,
    next: stats['next'],
    issued: stats['issued'],
  });
});

test('"verify now" has the node make the proof, and says what it counted', async () => {
  await draw();
  const { page } = await browsing.open({ node: 1 });
  await page.getByTestId('verify-button').click();
  await page.locator('[data-testid="verify-result"][data-tone="good"]').waitFor();
  const next = await figure(page, 'next');
  const text = (await page.getByTestId('verify-text').innerText()).replaceAll(',', '');
  expect(await page.getByTestId('verify-title').innerText()).toBe('Complete.');
  expect(text).toContain(`1 to ${next - 1}: ${next - 1} number`);
  expect(text).toContain('0 holes');
});

describe('the charts', () => {
  test('go on with the traffic, show other ranges, and stand still while paused', async () => {
    const { page } = await browsing.open();
    const tip = page.getByTestId('chart-rate').or(page.locator('figure[data-testid^="chart-"]')).first();
    await tip.scrollIntoViewIfNeeded();
    for (const range of ['5m', '1h', '1m']) {
      await page.getByTestId(`range-${range}`).click();
      await page.locator(`[data-testid="range-${range}"][aria-pressed="true"]`).waitFor();
    }
    await page.getByTestId('charts-pause').click();
    expect(await page.getByTestId('charts-paused').innerText()).toContain('Paused');
    const picture = (): Promise<string> =>
      tip.locator('canvas').evaluate(canvas => (canvas as unknown as { toDataURL(): string }).toDataURL());
    const frozen = await picture();
    const before = await figure(page, 'issued');
    for (let i = 0; i < 5; i += 1) await draw(i % 4);
    await until('the figures go on', async () => (await figure(page, 'issued')) >= before + 5);
    expect(await picture()).toBe(frozen);
    await page.keyboard.press('p');
    await until('the chart goes on', async () => (await picture()) !== frozen);
  });

  test('have one cursor for all, moved by pointer and by keys', async () => {
    await draw();
    const { page } = await browsing.open();
    const plots = page.locator('[data-testid^="plot-"]');
    await plots.first().scrollIntoViewIfNeeded();
    await plots.first().focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await until('all plots show it', async () => (await page.locator('.chart-cursor:visible').count()) >= 2);
    const readout = await page.getByTestId('chart-readout').innerText();
    expect(readout).toMatch(/^\d\d:\d\d:\d\d/);
    // Time goes on below the cursor, which a screen reader would read out without end.
    const spoken = await plots.first().getAttribute('aria-valuetext');
    await until(
      'time goes on',
      async () => (await page.getByTestId('chart-readout').innerText()) !== readout,
    );
    expect(await plots.first().getAttribute('aria-valuetext')).toBe(spoken);
    await page.keyboard.press('PageDown');
    expect(await plots.first().getAttribute('aria-valuetext')).not.toBe(spoken);
    await page.keyboard.press('Escape');
    await page.locator('.chart-cursor:visible').first().waitFor({ state: 'hidden' });
  });
});

test('the distribution counts by site, partition and type what each has drawn', async () => {
  const fields = { siteId: 'site-2', partitionId: 'partition-b', invoiceType: 'off-cycle', count: 7 };
  const { page } = await browsing.open({ at: '#distribution' });
  const drawnBy = async (name: string): Promise<number> => {
    const row = page.getByTestId('distribution').locator('tbody tr').filter({ hasText: name });
    if ((await row.count()) === 0) return 0;
    return Number((await row.locator('td').nth(1).locator('.num').first().innerText()).replaceAll(/\D/g, ''));
  };
  for (const [by, name] of [
    ['site', 'site-2'],
    ['partition', 'site-2/partition-b'],
    ['type', 'off-cycle'],
  ] as const) {
    await page.getByTestId(`by-${by}`).click();
    await page.locator(`[data-testid="by-${by}"][aria-pressed="true"]`).waitFor();
    const before = await drawnBy(name);
    await draw(0, fields);
    await until(`${name} has seven more`, async () => (await drawnBy(name)) === before + 7);
  }
});
