import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { useBrowser, whenPainted } from './kit/browsing.ts';
import { draw } from './kit/cluster.ts';

const browsing = useBrowser();

const background = (page: Page): Promise<string> =>
  page.evaluate<string>('getComputedStyle(document.body).backgroundColor');

/** How light a colour is, 0 to 255. */
const lightness = (colour: string): number => {
  const parts = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
  return parts.reduce((sum, part) => sum + part, 0) / parts.length;
};

/**
 * What sticks out to the side of the page, of its header, or of a section or dialog, unless something in there scrolls it or cuts
 * it off. The page does not get wider by it: sections paint nothing outside of themselves.
 */
const overflow = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(`(() => {
    const isHeld = (element, box) => {
      for (let at = element.parentElement; at !== box; at = at.parentElement)
        if (getComputedStyle(at).overflowX !== 'visible') return true;
      return element.closest('.visually-hidden') !== null;
    };
    return [...document.querySelectorAll('body, .page-header, main > section, dialog[open]')].flatMap(box => {
      const { left, right } = box.getBoundingClientRect();
      return [...box.querySelectorAll('*')]
        .filter(element => {
          const rect = element.getBoundingClientRect();
          return rect.width > 0 && (rect.right > right + 1 || rect.left < left - 1) && !isHeld(element, box);
        })
        .map(element => (box.id || box.tagName) + ': ' + element.outerHTML.slice(0, 120));
    });
  })()`);

describe('the colours', () => {
  test('follow the system, dark or light', async () => {
    const dark = await browsing.open({ context: { colorScheme: 'dark' } });
    const light = await browsing.open({ context: { colorScheme: 'light' } });
    expect(lightness(await background(dark.page))).toBeLessThan(60);
    expect(lightness(await background(light.page))).toBeGreaterThan(200);
    await dark.page.emulateMedia({ colorScheme: 'light' });
    await until('it follows', async () => lightness(await background(dark.page)) > 200);
  });

  test('can be chosen by the button, and the choice stays after a reload', async () => {
    const { page } = await browsing.open({ context: { colorScheme: 'light' } });
    const button = page.getByTestId('theme-button');
    while ((await page.locator('html').getAttribute('data-theme')) !== 'dark') await button.click();
    expect(lightness(await background(page))).toBeLessThan(60);
    await page.reload();
    await page.locator('html[data-ready="true"]').waitFor();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    expect(lightness(await background(page))).toBeLessThan(60);
  });
});

describe.each([
  ['360 pixels wide', { viewport: { width: 360, height: 740 }, hasTouch: true }],
  ['at 200 % zoom', { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2 }],
  ['on a very wide screen', { viewport: { width: 2560, height: 1200 } }],
])('%s', (_name, context) => {
  test('nothing sticks out to the side, in no section, with replies and lives shown', async () => {
    const { sequenceNumber } = await draw(0, {
      reference: 'a rather long reference of a document, '.repeat(4),
    });
    const { page } = await browsing.open({ context, at: `#find=${sequenceNumber}&demo=load-test` });
    await page.locator('[data-testid="find-state"][data-status="issued"]').waitFor();
    await page.getByTestId('draw-count').fill('50');
    await page.getByTestId('draw').click();
    await page.getByTestId('reply').waitFor();
    await page.getByTestId('verify-button').click();
    await page.locator('[data-testid="verify-result"][data-tone="good"]').waitFor();
    for (const id of await page
      .locator('main > section')
      .evaluateAll(all => all.map(section => section.id))) {
      await page.locator(`#${id}`).scrollIntoViewIfNeeded();
      expect(await overflow(page), id).toEqual([]);
    }
    await page.evaluate(`{
      const wide = document.createElement('div');
      wide.style.minWidth = '3000px';
      document.querySelector('#find').append(wide);
    }`);
    expect(await overflow(page), 'what does stick out').not.toEqual([]);
  });

  test('everything works: draw, commands, help', async () => {
    const { page } = await browsing.open({ context });
    await page.getByTestId('quick-site-2-partition-a').click();
    await page.getByTestId('reply').getByText('site-2 / partition-a').waitFor();
    await page.getByTestId('palette-button').click();
    await page.locator('[data-testid="palette"][open]').waitFor();
    expect(await overflow(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.getByTestId('help-button').click();
    await page.getByTestId('shortcuts').waitFor();
    expect(await overflow(page)).toEqual([]);
  });
});

describe('on a phone, where each section is longer than the screen,', () => {
  const context = { viewport: { width: 360, height: 740 }, reducedMotion: 'no-preference' } as const;

  /** How far from its place a section is when the page has come to rest. */
  const missedBy = (page: Page, id: string): Promise<number> =>
    page.evaluate<number>(`new Promise(resolve => {
      const root = document.documentElement;
      const section = document.getElementById('${id}');
      let still = 0;
      let before;
      const look = () => {
        const { top } = section.getBoundingClientRect();
        still = top === before ? still + 1 : 0;
        before = top;
        if (still < 30) requestAnimationFrame(look);
        else if (scrollY + innerHeight >= root.scrollHeight - 1 && top < innerHeight) resolve(0);
        else resolve(top - parseFloat(getComputedStyle(root).scrollPaddingTop));
      };
      look();
    })`);

  test.each(['topology', 'feed', 'audit'])('the link to %s ends there', async id => {
    const { page } = await browsing.open({ context });
    await page.locator(`#section-links a[href="#${id}"]`).click();
    expect(Math.abs(await missedBy(page, id))).toBeLessThan(4);
  });

  test.each(['topology', 'feed'])('an address with #%s opens there', async id => {
    const { page } = await browsing.open({ context, at: `#${id}` });
    expect(Math.abs(await missedBy(page, id))).toBeLessThan(4);
  });

  test('a reader who goes elsewhere is let go', async () => {
    const { page } = await browsing.open({ context });
    await page.locator('#section-links a[href="#audit"]').click();
    await page.keyboard.press('Home');
    await missedBy(page, 'audit');
    expect(await page.evaluate<number>('scrollY')).toBe(0);
  });
});

test('every control is large enough for a finger', async () => {
  const { page } = await browsing.open({
    context: { viewport: { width: 360, height: 740 }, hasTouch: true },
  });
  // WCAG 2.2, 2.5.8: 24 px, but not for links and buttons within a text.
  const small = await page.evaluate<
    string[]
  >(`[...document.querySelectorAll('button, select, input, a.button, summary')]
    .filter(element => element.checkVisibility() && !element.closest('p, td, dd, .visually-hidden, .feed-list'))
    .filter(element => {
      const target = element.type === 'checkbox' ? element.closest('label') : element;
      const { width, height } = target.getBoundingClientRect();
      return width > 0 && (width < 24 || height < 24);
    })
    .map(element => element.outerHTML.slice(0, 140))`);
  expect(small).toEqual([]);
});

test('with reduced motion nothing on the page moves by itself', async () => {
  const { page } = await browsing.open({ context: { reducedMotion: 'reduce' } });
  await draw();
  await page.getByTestId('verify-button').click();
  await page.locator('[data-testid="verify-result"][data-tone="good"]').waitFor();
  const moving = await page.evaluate<string[]>(
    `document.getAnimations().filter(({ effect }) => effect.getComputedTiming().activeDuration > 100)
      .map(({ effect }) => effect.target?.outerHTML.slice(0, 100))`,
  );
  expect(moving).toEqual([]);
});

test('figures that change do not push anything around', async () => {
  const { page } = await browsing.open();
  await page.evaluate(`{
    globalThis.shifts = 0;
    new PerformanceObserver(list => {
      for (const entry of list.getEntries()) globalThis.shifts += entry.hadRecentInput ? 0 : entry.value;
    }).observe({ type: 'layout-shift', buffered: false });
  }`);
  for (let i = 0; i < 30; i += 1) await draw(i % 4, { count: 37 });
  await whenPainted(page);
  expect(await page.evaluate<number>('globalThis.shifts')).toBeLessThan(0.01);
});

test('the strip above the charts keeps its height while a demonstration runs, wide and narrow', async () => {
  const opened = await Promise.all(
    [1280, 360].map(width => browsing.open({ context: { viewport: { width, height: 740 } } })),
  );
  const pages = opened.map(({ page }) => page);
  for (const page of pages) {
    await page.getByTestId('demo-strip').waitFor();
    await page.evaluate(`{
      globalThis.heights = new Set();
      const strip = document.querySelector('[data-testid="demo-strip"]');
      new ResizeObserver(() => heights.add(Math.round(strip.offsetHeight))).observe(strip);
    }`);
  }
  await pages[0]?.evaluate(`fetch('/api/v1/demo/basic', { method: 'POST' }).then(answer => answer.text())`);
  for (const page of pages) {
    await page.locator('[data-testid="demo-strip"][data-tone="good"]').waitFor();
    expect(await page.evaluate<number[]>('[...heights]')).toHaveLength(1);
  }
});
