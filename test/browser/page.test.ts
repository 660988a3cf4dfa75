import { gzipSync } from 'node:zlib';
import { describe, expect, inject, test } from 'vitest';
import { until } from '../kit/until.ts';
import { useBrowser } from './kit/browsing.ts';
import { draw } from './kit/cluster.ts';

const SECTIONS = [
  'overview',
  'alerts',
  'charts',
  'demos',
  'topology',
  'actions',
  'find',
  'distribution',
  'feed',
  'audit',
];
const SCRIPT_BYTES_MAX = 100 * 1024;

const browsing = useBrowser();

test('every section is there with what it shows, at every node', async () => {
  await draw();
  for (const node of inject('nodeUrls').keys()) {
    const { page } = await browsing.open({ node });
    expect(await page.locator('main > section').evaluateAll(all => all.map(({ id }) => id))).toEqual(
      SECTIONS,
    );
    for (const id of SECTIONS) {
      const section = page.locator(`#${id}`);
      // What is off the screen is not rendered, and has no text to the eye.
      await section.scrollIntoViewIfNeeded();
      expect(await section.locator('h2').innerText(), id).not.toBe('');
      expect(await section.locator('.panel-error').count(), id).toBe(0);
      expect(await section.getAttribute('aria-busy'), id).toBeNull();
      await until(`${id} shows something`, async () => (await section.innerText()).length > 30);
    }
    await page.context().close();
  }
});

test('the overview, the topology and the charts say what the cluster is', async () => {
  await draw();
  const { page } = await browsing.open();
  expect((await page.getByTestId('issued').innerText()).replaceAll(',', '')).toMatch(/^[1-9]\d*$/);
  await page.getByTestId('holes').getByText('0', { exact: true }).waitFor();
  expect(await page.getByTestId('chain').getAttribute('title')).toMatch(/^[\da-f]{64}$/);
  await page.locator('[data-testid="node"][data-state="serving"]').nth(3).waitFor();
  await page.locator('[data-testid="member"][data-state="serving"]').nth(2).waitFor();
  expect(await page.getByTestId('leader').innerText()).toMatch(/^site-\d-partition-[ab]$/);
  expect(await page.getByTestId('nodes-summary').innerText()).toMatch(/^4 of 4 nodes/);
  // State by shape and word: each node says it, each has a drawing of its own.
  expect(await page.getByTestId('node').first().innerText()).toContain('serving');
  for (const chart of await page.locator('[data-testid^="chart-"] canvas').all())
    expect((await chart.boundingBox())?.width ?? 0).toBeGreaterThan(200);
  expect(await page.locator('figure[data-testid^="chart-"]').count()).toBeGreaterThanOrEqual(5);
});

test('its scripts are below 100 KB in all as they are sent, and the policy lets in nothing foreign', async () => {
  const { page, watch } = await browsing.open();
  // What is tried below to see that it is refused; 192.0.2.0/24 is nobody's.
  watch.allow(/http:\/\/192\.0\.2\.1\/leak\.png/);
  const sent = await page.evaluate<Record<string, number>>(
    `Object.fromEntries(performance.getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('.js')).map(entry => [entry.name, entry.encodedBodySize]))`,
  );
  let gzipped = 0;
  for (const url of Object.keys(sent)) gzipped += gzipSync(await (await fetch(url)).text()).length;
  const bytes = Object.values(sent).reduce((sum, size) => sum + size, 0);
  expect(Object.values(sent).every(size => size > 0)).toBe(true);
  expect(gzipped).toBeLessThan(SCRIPT_BYTES_MAX);
  expect(bytes).toBeLessThan(SCRIPT_BYTES_MAX);

  const policy = (await fetch(page.url())).headers.get('content-security-policy') ?? '';
  const directives = new Map(policy.split(';').map(part => [part.trim().split(' ')[0], part.trim()]));
  expect(directives.get('default-src')).toBe("default-src 'none'");
  expect(directives.get('script-src')).toBe("script-src 'self'");
  expect(directives.get('style-src')).toBe("style-src 'self'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  // And it is kept.
  const refused = await page.evaluate<string>(`new Promise(resolve => {
    document.addEventListener('securitypolicyviolation', event => resolve(event.effectiveDirective));
    const image = document.createElement('img');
    image.src = 'http://192.0.2.1/leak.png';
  })`);
  expect(refused).toBe('img-src');
});

describe('a link', () => {
  test.each([
    ['#charts&range=5m', '[data-testid="range-5m"][aria-pressed="true"]'],
    ['#distribution&by=type', '[data-testid="by-type"][aria-pressed="true"]'],
    ['#demos&demo=gaps', '[data-testid="demo-toggle-gaps"][aria-expanded="true"]'],
    ['#find=1', '[data-testid="find-state"][data-status]'],
  ])('%s shows just that', async (at, sign) => {
    await draw();
    const { page } = await browsing.open({ at });
    await page.locator(sign).waitFor();
    expect(new URL(page.url()).hash).toBe(at);
    const section = page.locator('main > section').filter({ has: page.locator(sign) });
    await until('its section begins on the screen', async () => {
      const { y = -1 } = (await section.boundingBox()) ?? {};
      return y >= 0 && y < 900;
    });
  });

  test('to a filtered feed fills its fields, and Back returns from a number to the one before', async () => {
    const { sequenceNumber } = await draw(0, { count: 2 });
    const { page } = await browsing.open({ at: '#feed&feed=release&feed-site=site-2' });
    expect(await page.getByTestId('feed-what').inputValue()).toBe('release');
    expect(await page.getByTestId('feed-site').inputValue()).toBe('site-2');
    await page.getByTestId('find-number').fill(String(sequenceNumber));
    await page.getByTestId('find-go').click();
    await page.getByTestId('find-number').fill('1');
    await page.getByTestId('find-go').click();
    await page.getByTestId('find-state').getByText('1', { exact: true }).waitFor();
    await page.goBack();
    await page.getByTestId('find-state').getByText(String(sequenceNumber), { exact: true }).waitFor();
  });
});

describe('the tour of a first visit', () => {
  test('appears, leads from section to section, and does not come back once it was skipped', async () => {
    const { page } = await browsing.open({ tour: true });
    await page.getByTestId('tour').waitFor();
    const first = await page.getByTestId('tour').locator('h2').innerText();
    await page.getByTestId('tour-next').click();
    expect(await page.getByTestId('tour').locator('h2').innerText()).not.toBe(first);
    await page.getByTestId('tour-skip').click();
    await page.getByTestId('tour').waitFor({ state: 'detached' });
    await page.reload();
    await page.locator('[data-testid="connection"][data-state="live"]').waitFor();
    expect(await page.getByTestId('tour').count()).toBe(0);
  });

  test('ends with Escape, and can be asked for again', async () => {
    const { page } = await browsing.open({ tour: true });
    await page.getByTestId('tour').waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('tour').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByTestId('shortcuts').getByRole('button', { name: 'Show me around' }).click();
    await page.getByTestId('tour').waitFor();
  });
});
