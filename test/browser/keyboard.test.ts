import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { useBrowser } from './kit/browsing.ts';
import { draw } from './kit/cluster.ts';

const STOPS = 60;

const browsing = useBrowser();

const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(
    `document.activeElement.dataset.testid ?? document.activeElement.id ?? document.activeElement.tagName`,
  );

test('"/" leads to the search from anywhere, but is a character while one types', async () => {
  const { page } = await browsing.open();
  await page.keyboard.press('/');
  expect(await focused(page)).toBe('find-number');
  expect(await page.getByTestId('find-number').inputValue()).toBe('');
  await page.getByTestId('draw-reference').focus();
  await page.keyboard.type('a/b?');
  expect(await page.getByTestId('draw-reference').inputValue()).toBe('a/b?');
  expect(await page.locator('dialog[open]').count()).toBe(0);
});

test('"?" shows the keys, and Escape closes it where it was opened', async () => {
  const { page } = await browsing.open();
  await page.getByTestId('help-button').focus();
  await page.keyboard.press('?');
  await page.getByTestId('shortcuts').waitFor();
  expect(await page.getByTestId('shortcuts').innerText()).toMatch(/Ctrl K/);
  await page.keyboard.press('Escape');
  await page.getByTestId('shortcuts').waitFor({ state: 'detached' });
  expect(await focused(page)).toBe('help-button');
});

test('Ctrl-K finds every command by a few letters and runs it, or looks a number up', async () => {
  const { sequenceNumber } = await draw();
  const { page } = await browsing.open();
  const options = page.locator('[data-testid="palette"] [role="option"]');
  const choose = async (text: string): Promise<void> => {
    await page.keyboard.press('Control+k');
    await page.locator('[data-testid="palette"][open]').waitFor();
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
  };
  await page.keyboard.press('Control+k');
  expect(await options.count()).toBeGreaterThan(20);
  await page.keyboard.press('ArrowDown');
  expect(await options.nth(1).getAttribute('aria-selected')).toBe('true');
  await page.keyboard.type('no such command at all');
  expect(await options.count()).toBe(0);
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });

  await choose('theme dark');
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
  await choose('verify now');
  await page.locator('[data-testid="verify-result"][data-tone="good"]').waitFor();
  await choose('draw site-2 partition-b');
  await page.getByTestId('reply').getByText('site-2 / partition-b').waitFor();
  await choose(String(sequenceNumber));
  await page.getByTestId('find-state').getByText(String(sequenceNumber), { exact: true }).waitFor();
});

test('the first stop of the tab key skips to the numbers', async () => {
  const { page } = await browsing.open();
  await page.keyboard.press('Tab');
  expect(await page.locator('.skip-link').evaluate(link => link === link.ownerDocument.activeElement)).toBe(
    true,
  );
  expect((await page.locator('.skip-link').boundingBox())!.y).toBeGreaterThanOrEqual(0);
  await page.keyboard.press('Enter');
  await until('the overview is shown', () => page.url().endsWith('#overview'));
});

test('the tab key goes from control to control in the order they are read, and each shows that it has the focus', async () => {
  const { page } = await browsing.open();
  const seen: { y: number; section: string; marked: boolean; what: string }[] = [];
  for (let stop = 0; stop < STOPS; stop += 1) {
    await page.keyboard.press('Tab');
    seen.push(
      await page.evaluate(`(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        const around = getComputedStyle(element.parentElement);
        const marks = value => value.outlineStyle !== 'none' && parseFloat(value.outlineWidth) >= 1;
        return {
          y: element.getBoundingClientRect().y + scrollY,
          section: element.closest('section')?.id ?? 'head',
          marked: marks(style) || style.boxShadow !== 'none' || marks(around),
          what: element.outerHTML.slice(0, 120),
        };
      })()`),
    );
  }
  expect(seen.filter(({ marked }) => !marked).map(({ what }) => what)).toEqual([]);
  expect(new Set(seen.map(({ what }) => what)).size).toBeGreaterThan(STOPS / 2);
  // Sections follow one another; none is entered twice.
  const order = seen.map(({ section }) => section).filter((section, i, all) => section !== all[i - 1]);
  expect(new Set(order).size).toBe(order.length);
});

test('the focus goes from "Kill the leader" to "Cancel" and back, never to nowhere', async () => {
  const { page } = await browsing.open();
  // A shorter one will do.
  await page.route(/demo\/failover$/, route =>
    route.continue({ url: route.request().url().replace('failover', 'basic') }),
  );
  const strip = page.getByTestId('demo-strip');
  await strip.getByTestId('kill-leader').focus();
  await page.evaluate(`{
    globalThis.seen = [];
    const strip = document.querySelector('[data-testid="demo-strip"]');
    strip.addEventListener('focusin', ({ target }) => seen.push(target.dataset.testid));
    strip.addEventListener('focusout', ({ relatedTarget }) => relatedTarget ?? seen.push('nowhere'));
  }`);
  await page.keyboard.press('Enter');
  const seen = async (): Promise<string[]> => page.evaluate<string[]>('seen');
  await until('the focus has gone and come back', async () => (await seen()).length > 1);
  expect(await seen()).toEqual(['strip-cancel', 'kill-leader']);
});
