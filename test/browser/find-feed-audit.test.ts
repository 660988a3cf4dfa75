import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { parse } from 'csv-parse/sync';
import { until } from '../kit/until.ts';
import { useBrowser, whenPainted } from './kit/browsing.ts';
import { draw, type Drawn, release } from './kit/cluster.ts';
import { REFUSED } from './kit/page-watch.ts';

const browsing = useBrowser();

/** A number that had a document, was given back, and has another document now. */
async function reissued(): Promise<{ number: number; first: Drawn; second: Drawn }> {
  for (;;) {
    const first = await draw(1, { reference: 'order 1' });
    await release(2, first, { reason: 'order withdrawn' });
    const second = await draw(3, {
      siteId: 'site-2',
      partitionId: 'partition-a',
      invoiceType: 'off-cycle',
      reference: 'order 2',
    });
    // Unless a lower one was in the pool, which then goes first.
    if (second.sequenceNumber === first.sequenceNumber)
      return { number: first.sequenceNumber, first, second };
  }
}

async function find(page: Page, text: string): Promise<void> {
  await page.getByTestId('find-number').fill(text);
  await page.getByTestId('find-go').click();
}

describe('a number that was looked up', () => {
  test('shows its whole life: issued, released, reissued, with owner, document and reason', async () => {
    const { number } = await reissued();
    const { page } = await browsing.open();
    await find(page, String(number));
    await page.locator('[data-testid="find-state"][data-status="issued"]').waitFor();
    const events = page.getByTestId('timeline').locator('li[data-event]');
    await events.nth(2).waitFor();
    const names = await events.evaluateAll(all => all.map(item => item.getAttribute('data-event')));
    expect(names.slice(-3)).toEqual([expect.stringMatching(/^(re)?issued$/), 'released', 'reissued']);
    const [issued = '', released = '', again = ''] = (await events.allInnerTexts()).slice(-3);
    expect(issued).toMatch(/site-1 \/ partition-a[^]*on-cycle[^]*order 1/);
    expect(released).toMatch(/pool[^]*order withdrawn/);
    expect(again).toMatch(/site-2 \/ partition-a[^]*off-cycle[^]*order 2/);
    expect(await page.getByTestId('find-state').innerText()).toContain('site-2 / partition-a');
    expect(new URL(page.url()).hash).toContain(`find=${number}`);
  });

  test('goes on while it is shown', async () => {
    const drawn = await draw();
    const { page } = await browsing.open({ at: `#find=${drawn.sequenceNumber}` });
    await page.locator('[data-testid="find-state"][data-status="issued"]').waitFor();
    await page.getByTestId('life').getByRole('button', { name: 'CLI' }).focus();
    await release(0, drawn, { reason: 'seen live' });
    await page.locator('[data-testid="find-state"][data-status="pooled"]').waitFor();
    await page.getByTestId('timeline').getByText('seen live').waitFor();
    expect(await page.locator(':focus').innerText()).toBe('CLI');
  });

  test('has each event once, however slow the answers are', async () => {
    const drawn = await draw();
    const { page } = await browsing.open({ at: `#find=${drawn.sequenceNumber}` });
    const events = page.getByTestId('timeline').locator('li[data-event]');
    const names = async () => events.evaluateAll(all => all.map(item => item.getAttribute('data-event')));
    await page.locator('[data-testid="find-state"][data-status="issued"]').waitFor();
    const before = await names();
    await page.route(/after=/, route => void setTimeout(() => void route.continue(), 1_000));
    const isAsked = page.waitForRequest(/after=/);
    let answers = 0;
    page.on('requestfinished', request => (answers += /after=/.test(request.url()) ? 1 : 0));
    await release(0, drawn);
    await isAsked;
    // While that answer is on its way the next event asks for the same again. The lowest of the pool goes first.
    while ((await draw()).sequenceNumber !== drawn.sequenceNumber);
    await until('both have their answer', () => answers >= 2);
    await whenPainted(page);
    await events.nth(before.length + 1).waitFor();
    expect(await names()).toEqual([...before, 'released', 'reissued']);
  });

  test('that was never issued says so and how far the series is', async () => {
    const { page, watch } = await browsing.open();
    watch.allow(REFUSED);
    await find(page, '99999999');
    await page.locator('[data-testid="find-state"][data-status="never-issued"]').waitFor();
    expect(await page.getByTestId('find-state').innerText()).toMatch(/next new number is/);
    // Asked once more, it says so once more.
    await page.evaluate(`document.querySelector('#announcer').textContent = ''`);
    await page.getByTestId('find-go').click();
    await page.locator('#announcer', { hasText: 'never issued' }).waitFor({ state: 'attached' });
  });

  test.each(['', 'abc', '-1', '0', '1e9', '<img src=x onerror=alert(1)>', '12345678901234567890'])(
    'with the nonsense %j is refused with a reason, and nothing is asked',
    async text => {
      const { page } = await browsing.open();
      await find(page, text);
      await until('it complains', async () => (await page.getByTestId('find-error').innerText()) !== '');
      expect(await page.getByTestId('find-number').getAttribute('aria-invalid')).toBe('true');
      expect(await page.getByTestId('life').isVisible()).toBe(false);
    },
  );
});

describe('the feed', () => {
  test('shows what is drawn and released anywhere, and leads to the number', async () => {
    const { page } = await browsing.open({ at: '#feed' });
    const drawn = await draw(2, { reference: 'feed-test' });
    const row = page.getByTestId('feed-row').filter({ hasText: 'feed-test' });
    await row.waitFor();
    expect(await row.innerText()).toContain('site-1 / partition-a · on-cycle');
    await release(3, drawn, { reason: 'feed-release' });
    await page.getByTestId('feed-row').filter({ hasText: 'feed-release' }).waitFor();
    await row.locator('.number').click();
    await page.locator('[data-testid="find-state"][data-status]').waitFor();
    expect(new URL(page.url()).hash).toContain(`find=${drawn.sequenceNumber}`);
  });

  test('shows only what its filter takes', async () => {
    const { page } = await browsing.open({ at: '#feed' });
    await page.getByTestId('feed-what').selectOption('release');
    await page.getByTestId('feed-text').fill('wanted');
    const other = await draw(0, { reference: 'wanted, but a draw' });
    await release(0, other, { reason: 'something else' });
    await release(0, await draw(0, { count: 1 }), { reason: 'wanted release' });
    await page.getByTestId('feed-row').filter({ hasText: 'wanted release' }).waitFor();
    const rows = await page.getByTestId('feed-row').allInnerTexts();
    expect(rows.every(row => row.includes('released') && row.includes('wanted'))).toBe(true);
    expect(new URL(page.url()).hash).toContain('feed=release');
  });

  test('holds still while paused or scrolled, says how much is new, and catches up', async () => {
    for (let i = 0; i < 40; i += 1) await draw(i % 4, { reference: `before ${i}` });
    const { page } = await browsing.open({ at: '#feed' });
    const first = page.getByTestId('feed-row').first();
    await first.waitFor();
    await page.getByTestId('feed-pause').click();
    const before = await first.innerText();
    await draw(0, { reference: 'while paused' });
    await page
      .getByTestId('feed-new')
      .getByText(/^\d+ new event/)
      .waitFor();
    expect(await first.innerText()).toBe(before);
    await page.getByTestId('feed-pause').click();
    await page.getByTestId('feed-row').filter({ hasText: 'while paused' }).waitFor();

    const log = page.getByTestId('feed-log');
    await log.evaluate(element =>
      (element as unknown as { scrollTo(x: number, y: number): void }).scrollTo(0, 200),
    );
    await page.getByTestId('feed-foot').getByText('Held while you read').waitFor();
    await draw(0, { reference: 'while scrolled' });
    await page.getByTestId('feed-new').waitFor();
    expect(await page.getByTestId('feed-row').filter({ hasText: 'while scrolled' }).count()).toBe(0);
    await page.getByTestId('feed-new').click();
    await page.getByTestId('feed-row').filter({ hasText: 'while scrolled' }).waitFor();
  });
});

describe('the audit trail', () => {
  async function download(page: Page, format: 'csv' | 'json'): Promise<string> {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByTestId(`audit-${format}`).click(),
    ]);
    expect(file.suggestedFilename()).toMatch(format === 'csv' ? /\.csv$/ : /\.(nd|l)?jsonl?$/);
    return readFile(await file.path(), 'utf8');
  }

  test('is shown by pages, filtered, the newest or the oldest first, and leads to the number', async () => {
    const older = String((await draw(0, { reference: 'audit-test' })).sequenceNumber);
    const newer = String((await draw(1, { reference: 'audit-test' })).sequenceNumber);
    const { page } = await browsing.open({ at: '#audit' });
    await page.getByTestId('audit-reference').fill('audit-test');
    await page.getByTestId('audit-go').click();
    const numbers = page.getByTestId('audit-rows').locator('tr .number');
    const shown = async (...wanted: readonly string[]) =>
      until('only these rows', async () => (await numbers.allInnerTexts()).join() === wanted.join());
    await shown(newer, older);
    expect(await page.getByTestId('audit-reach').innerText()).toContain('Complete.');
    await page.getByTestId('audit-order').selectOption('asc');
    await page.getByTestId('audit-go').click();
    await shown(older, newer);
    await page.reload();
    await shown(older, newer);
    await numbers.first().click();
    await page.locator('[data-testid="find-state"][data-status]').waitFor();
    expect(new URL(page.url()).hash).toContain(`find=${older}`);
  });

  test('is exported as CSV and as JSON with the rows that its filters take', async () => {
    const reference = 'export, "quoted" & ünïcode';
    const drawn = [];
    for (let i = 0; i < 3; i += 1) drawn.push(await draw(i, { reference }));
    const { page } = await browsing.open({ at: '#audit' });
    await page.getByTestId('audit-reference').fill(reference);
    await page.getByTestId('audit-go').click();
    await until('three rows', async () => (await page.getByTestId('audit-rows').locator('tr').count()) === 3);

    const csv: Record<string, string>[] = parse(await download(page, 'csv'), { columns: true, comment: '#' });
    expect(csv.map(row => Number(row['first']))).toEqual(drawn.map(({ sequenceNumber }) => sequenceNumber));
    expect(csv.every(row => row['reference'] === reference)).toBe(true);

    const lines = (await download(page, 'json')).trim().split('\n');
    const json = lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(row => 'first' in row);
    expect(json.map(row => row['first'])).toEqual(drawn.map(({ sequenceNumber }) => sequenceNumber));
    expect(json.every(row => row['reference'] === reference)).toBe(true);
  });

  test('with nonsense in its filter is refused with a reason', async () => {
    const { page } = await browsing.open({ at: '#audit' });
    await page.getByTestId('audit-number').fill('7-3; DROP TABLE');
    await page.getByTestId('audit-go').click();
    expect(await page.getByTestId('audit-error').innerText()).not.toBe('');
    await page.getByTestId('audit-clear').click();
    expect(await page.getByTestId('audit-number').inputValue()).toBe('');
    expect(await page.getByTestId('audit-error').innerText()).toBe('');
  });

  test('whose filters are refused offers no page of the filters before', async () => {
    // More rows than a page has.
    await Promise.all(Array.from({ length: 51 }, (_, i) => draw(i % 4, { reference: `row ${i}` })));
    const { page, watch } = await browsing.open({ at: '#audit' });
    watch.allow(REFUSED);
    await page.getByTestId('audit-rows').locator('tr').first().waitFor();
    expect(await page.getByTestId('audit-next').isEnabled()).toBe(true);
    await page.getByTestId('audit-number').fill('9999999999999999');
    await page.getByTestId('audit-go').click();
    await page.locator('[data-testid="audit-reach"][data-tone="bad"]').waitFor();
    expect(await page.getByTestId('audit-next').isDisabled()).toBe(true);
    await page.getByTestId('audit-clear').click();
    await page.getByTestId('audit-rows').locator('tr').first().waitFor();
  });
});
