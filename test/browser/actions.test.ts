import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import { describe, expect, inject, test } from 'vitest';
import { useBrowser, whenTrue } from './kit/browsing.ts';
import { draw } from './kit/cluster.ts';
import { REFUSED } from './kit/page-watch.ts';

const run = promisify(execFile);
const PLACES = ['site-1', 'site-2'].flatMap(site => ['partition-a', 'partition-b'].map(part => [site, part]));
const TYPES = { 'on-cycle': 'fresh', 'off-cycle': 'fresh', simulated: 'preview', suppressed: 'suppressed' };

const browsing = useBrowser();

const reply = (page: Page) => page.getByTestId('reply');

/** What the card says under a heading such as `For`. */
async function fact(page: Page, label: string): Promise<string> {
  const row = reply(page)
    .locator('dl > div')
    .filter({ has: page.locator('dt', { hasText: new RegExp(`^${label}$`) }) });
  return row.locator('dd').innerText();
}

async function pressAndWait(page: Page, testid: string): Promise<void> {
  const key = (await reply(page).count()) === 0 ? '' : await reply(page).innerText();
  await page.getByTestId(testid).click();
  await whenTrue(
    page,
    `(document.querySelector('[data-testid="reply"]')?.innerText ?? '') !== ${JSON.stringify(key)}`,
  );
}

test('one press of a button draws a number for each site and partition', async () => {
  const { page } = await browsing.open({ at: '#actions' });
  for (const [site, partition] of PLACES) {
    await pressAndWait(page, `quick-${site}-${partition}`);
    expect(await fact(page, 'For')).toBe(`${site} / ${partition}`);
    expect(await page.getByTestId('reply-numbers').innerText()).toMatch(/^\d+$/);
  }
  expect(await page.getByTestId('reply-history').locator('li').count()).toBe(PLACES.length);
});

test('the form draws for any site, partition and type, and says what came of it', async () => {
  const { page } = await browsing.open({ at: '#actions' });
  for (const [site = '', partition = ''] of PLACES)
    for (const [type, kind] of Object.entries(TYPES)) {
      await page.getByTestId('draw-site').selectOption(site);
      await page.getByTestId('draw-partition').selectOption(partition);
      await page.getByTestId('draw-type').selectOption(type);
      await pressAndWait(page, 'draw');
      expect(await fact(page, 'For')).toBe(`${site} / ${partition}`);
      expect(await fact(page, 'Type')).toBe(type);
      // A fresh one may come from the pool, where suppressed ones went.
      const kinds = kind === 'fresh' ? ['fresh', 'reused'] : [kind];
      expect(kinds).toContain(await reply(page).getAttribute('data-kind'));
    }
});

test('several at once come with their document, and in one range when asked for', async () => {
  const { page } = await browsing.open({ at: '#actions' });
  await page.getByTestId('draw-count').fill('12');
  await page.getByTestId('draw-contiguous').check();
  await page.getByTestId('draw-reference').fill('<b>invoice & "quotes"</b>');
  await pressAndWait(page, 'draw');
  expect(await fact(page, 'Count')).toBe('12');
  expect(await fact(page, 'Document')).toBe('<b>invoice & "quotes"</b>');
  expect(await page.getByTestId('reply-numbers').innerText()).toMatch(/^\d+–\d+$/);
});

test('what has the focus keeps it when an answer comes', async () => {
  const { page } = await browsing.open({ at: '#actions' });
  const history = page.getByTestId('reply-history').locator('button');
  const keepsFocus = async (control: Locator): Promise<void> => {
    await control.focus();
    const held = await page.locator(':focus').elementHandle();
    const before = await page.getByTestId('reply-numbers').innerText();
    // Pressed without taking the focus, as an answer comes that was asked for before.
    await page.getByTestId('quick-site-1-partition-a').dispatchEvent('click');
    await page.getByTestId('reply-numbers').getByText(before, { exact: true }).waitFor({ state: 'detached' });
    expect(await held?.evaluate(element => element === element.ownerDocument?.activeElement)).toBe(true);
  };
  for (const _ of PLACES) await pressAndWait(page, 'quick-site-1-partition-a');
  await keepsFocus(history.nth(1));
  await reply(page).getByRole('button', { name: 'Numbers' }).click();
  await keepsFocus(page.getByTestId('toast').getByRole('button', { name: 'Dismiss notice' }));
});

describe('a release', () => {
  test('of what was drawn last is one press, and the number goes back to the pool', async () => {
    const { page } = await browsing.open({ at: '#actions' });
    await pressAndWait(page, 'quick-site-1-partition-a');
    const number = await page.getByTestId('reply-numbers').innerText();
    await pressAndWait(page, 'reply-release');
    expect(await reply(page).getAttribute('data-kind')).toBe('released');
    expect(await page.getByTestId('reply-numbers').innerText()).toBe(number);
    expect(await page.getByTestId('reply-note').innerText()).toContain('pool');
  });

  test('by number finds out whose it is', async () => {
    const fields = { siteId: 'site-2', partitionId: 'partition-b', invoiceType: 'off-cycle' };
    const { sequenceNumber } = await draw(0, fields);
    const { page } = await browsing.open({ at: '#actions' });
    await page.getByTestId('release-number').fill(String(sequenceNumber));
    await page.getByTestId('release-lookup').click();
    await page.getByTestId('release-hint').getByText('site-2 / partition-b').waitFor();
    await page.getByTestId('release-reason').fill('wrong customer');
    await pressAndWait(page, 'release');
    expect(await reply(page).getAttribute('data-kind')).toBe('released');
    expect(await fact(page, 'For')).toBe('site-2 / partition-b');
    expect(await fact(page, 'Reason')).toBe('wrong customer');
  });

  test('that somebody fills in keeps its number, whatever is drawn meanwhile', async () => {
    const { sequenceNumber } = await draw();
    const { page } = await browsing.open({ at: '#actions' });
    await page.getByTestId('release-number').fill(String(sequenceNumber));
    await pressAndWait(page, 'quick-site-2-partition-b');
    expect(await page.getByTestId('release-number').inputValue()).toBe(String(sequenceNumber));
    await page.getByTestId('release-hint').getByText('site-1 / partition-a').waitFor();
    await pressAndWait(page, 'release');
    await pressAndWait(page, 'quick-site-2-partition-b');
    const drawn = await page.getByTestId('reply-numbers').innerText();
    expect(await page.getByTestId('release-number').inputValue()).toBe(drawn);
  });

  test('that is refused says why and what to do', async () => {
    const { sequenceNumber } = await draw();
    const { page, watch } = await browsing.open({ at: '#actions' });
    watch.allow(REFUSED);
    await page.getByTestId('release-number').fill(String(sequenceNumber));
    await page.getByTestId('release-lookup').click();
    await page.getByTestId('release-hint').getByText('site-1 / partition-a').waitFor();
    await page.getByTestId('release-site').selectOption('site-2');
    await pressAndWait(page, 'release');
    expect(await reply(page).getAttribute('data-kind')).toBe('problem');
    expect(await fact(page, 'Code')).toBe('not_owner');
    expect(await page.getByTestId('reply-advice').innerText()).not.toBe('');
  });
});

describe('a request', () => {
  test('is copied as a curl command and as a seqd command, which do the same', async () => {
    const { page } = await browsing.open({ at: '#actions' });
    const form = page.getByTestId('draw-form');
    await page.getByTestId('draw-site').selectOption('site-2');
    await page.getByTestId('draw-reference').fill(`it's "quoted" $HOME; & done`);
    const copied = async (name: string): Promise<string> => {
      await form.getByRole('button', { name }).click();
      await page.getByTestId('toast').filter({ hasText: 'copied' }).last().waitFor();
      return page.evaluate<string>('navigator.clipboard.readText()');
    };
    const curl = await copied('curl');
    expect(curl).toMatch(/^curl .*\/api\/v1\/sequence\/next/);
    const answer = JSON.parse((await run('sh', ['-c', curl])).stdout) as Record<string, unknown>;
    expect(answer).toMatchObject({ siteId: 'site-2', invoiceType: 'on-cycle', count: 1 });

    const cli = await copied('CLI');
    expect(cli).toMatch(/^seqd next --site site-2 /);
    expect(cli).toContain(inject('nodeUrls')[0]);
    const command = cli.replace(/^seqd/, `'${process.execPath}' dist/main.js`);
    expect((await run('sh', ['-c', command])).stdout).toMatch(/\d+/);
  });

  test('with nonsense in it is refused in the form or by the node, and nothing breaks', async () => {
    const { page, watch } = await browsing.open({ at: '#actions' });
    watch.allow(REFUSED);
    await page.getByTestId('draw-count').fill('0');
    await page.getByTestId('draw').click();
    expect(
      await page
        .getByTestId('draw-count')
        .evaluate(input => (input as unknown as { validity: { valid: boolean } }).validity.valid),
    ).toBe(false);
    expect(await reply(page).count()).toBe(0);
    await page.getByTestId('draw-count').fill('1');
    await page.getByTestId('draw-reference').fill('x'.repeat(5_000));
    await page.getByTestId('draw').click();
    await page.getByTestId('release-number').fill('-5');
    await page.getByTestId('release').click();
    await page.getByTestId('release-number').fill('999999999');
    await page.getByTestId('release-reason').fill('"><script>alert(1)</script>');
    await pressAndWait(page, 'release');
    expect(await reply(page).getAttribute('data-kind')).toBe('problem');
    await page.getByTestId('draw-reference').fill('');
    await pressAndWait(page, 'draw');
    expect(['fresh', 'reused']).toContain(await reply(page).getAttribute('data-kind'));
  });
});
