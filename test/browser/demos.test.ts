import type { Page } from 'playwright-core';
import { afterEach, describe, expect, inject, test } from 'vitest';
import type { DemoCatalogue, DemoRun } from '../../src/demo/demo-run.ts';
import { figureOf } from '../kit/demo-world.ts';
import { until } from '../kit/until.ts';
import { violationsOf } from './kit/axe.ts';
import { useBrowser } from './kit/browsing.ts';
import { untilAllServe } from './kit/cluster.ts';
import { LOST_NODE, REFUSED, UNAVAILABLE } from './kit/page-watch.ts';

const TIMEOUT_MS = 120_000;
const PROOF = /Complete: every number from [\d,]+ to [\d,]+ is accounted for exactly once/;

/** Each demonstration, as short as it shows what it is to show; failover has a test of its own. */
const DEMOS: readonly (readonly [name: string, parameters: Record<string, number>])[] = [
  ['basic', {}],
  ['concurrent', { threads: 8, requestsPerThread: 10 }],
  ['gaps', {}],
  ['load-test', { totalRequests: 500, concurrentThreads: 8 }],
  ['retry', {}],
  ['race', { clients: 8, seconds: 2 }],
  ['etcd-failover', { seconds: 5 }],
  // Longer than a lease, so that another takes over.
  ['partition', { pauseSeconds: 6 }],
  // Long enough that the nodes know of it, and refuse at once.
  ['outage', { seconds: 4 }],
];

/** What some of them must have shown besides. */
const SHOWN: Record<string, (run: DemoRun) => void> = {
  race: run => expect(figureOf(run, 'ratio')).toBeGreaterThan(1),
  partition: run => {
    expect(figureOf(run, 'new leader seen after')).toBeGreaterThan(0);
    expect(saidIn(run, 'Let it go on')).toContain('has seen that, and passes its requests on');
  },
  outage: run => {
    expect(saidIn(run, 'Ask all the same')).toMatch(/503 (unavailable|outcome_unknown), Retry-After 1 s/);
    expect(figureOf(run, 'refused within, once known')).toBeLessThan(1_000);
  },
};

const browsing = useBrowser();

afterEach(() => untilAllServe());

async function catalogue(): Promise<DemoCatalogue> {
  return until('a node tells of the demonstrations', async () => {
    for (const url of inject('nodeUrls')) {
      const answer = await fetch(`${url}/api/v1/demo`).catch(() => undefined);
      if (answer?.ok === true) return (await answer.json()) as DemoCatalogue;
    }
    return undefined;
  });
}

async function lastRun(name: string): Promise<DemoRun> {
  return until(`a run of ${name} has ended`, async () =>
    (await catalogue()).last.find(run => run.name === name),
  );
}

/** Lines of a step. */
function saidIn({ steps }: DemoRun, title: string): string {
  return steps.find(step => step.title === title)?.detail.join('\n') ?? '';
}

/** Waits for the end of a run on the page. */
async function ended(page: Page): Promise<string> {
  const panel = page.locator('[data-testid="demo-run"]:not([data-state="running"])');
  await panel.and(page.locator('[data-state]')).waitFor({ timeout: TIMEOUT_MS });
  return (await panel.getAttribute('data-state')) ?? '';
}

async function start(page: Page, name: string): Promise<void> {
  await page.getByTestId(`demo-run-${name}`).click();
  await page.locator('[data-testid="demo-run"][data-state="running"]').waitFor();
}

test('every demonstration that there is has a button, and is tried below', async () => {
  const { page } = await browsing.open({ at: '#demos' });
  const names = (await catalogue()).demos.map(({ name }) => name);
  expect(new Set(names)).toEqual(new Set(['failover', ...DEMOS.map(([name]) => name)]));
  for (const name of names) await page.getByTestId(`demo-toggle-${name}`).waitFor();
});

test.each(DEMOS)(
  '%s, started by its button: says what it does, shows each step, passes, and nothing is lost',
  { timeout: TIMEOUT_MS },
  async (name, parameters) => {
    const { page, watch } = await browsing.open({ at: `#demos&demo=${name}`, node: 1 });
    watch.allow(LOST_NODE, UNAVAILABLE);
    const description = (await catalogue()).demos.find(demo => demo.name === name)!;
    expect(await page.getByTestId(`demo-card-${name}`).innerText()).toContain(description.plan);
    for (const [field, value] of Object.entries(parameters))
      await page.getByTestId(`demo-param-${name}-${field}`).fill(String(value));
    await start(page, name);
    expect(await ended(page)).toBe('passed');

    const run = await lastRun(name);
    expect(run.parameters).toMatchObject(parameters);
    expect(run.steps.every(({ state }) => state === 'done' || state === 'skipped')).toBe(true);
    SHOWN[name]?.(run);
    const panel = page.getByTestId('demo-run');
    for (const { title } of run.steps) expect(await panel.innerText()).toContain(title);
    expect(await panel.innerText()).toMatch(PROOF);
    expect(await page.getByTestId('demo-outcome').innerText()).toMatch(/passed.*0 holes/);
    expect(await page.getByTestId('demo-figures').locator('dt').count()).toBe(run.figures.length);
    expect(run.figures.length).toBeGreaterThan(0);
    await page.getByTestId('holes').getByText('0', { exact: true }).waitFor();
  },
);

test(
  '"kill the leader" shows on the charts how the line dips and recovers, how long the longest gap was, and 0 holes',
  { timeout: TIMEOUT_MS },
  async () => {
    const leaderUrl = await until('somebody leads', async () => {
      const health = (await (await fetch(`${inject('nodeUrls')[0]}/health`)).json()) as {
        cluster: { leader: string | null; nodes: { id: string; url: string }[] };
      };
      return health.cluster.nodes.find(({ id }) => id === health.cluster.leader)?.url;
    });
    // The page of the very node that is killed.
    const node = inject('nodeUrls').indexOf(leaderUrl);
    const { page, watch } = await browsing.open({ node });
    watch.allow(LOST_NODE, UNAVAILABLE);
    await page.evaluate('globalThis.neverReloaded = true');
    await page.getByTestId('kill-leader').click();
    await page.getByTestId('strip-cancel').waitFor();
    await page
      .getByTestId('demo-strip')
      .getByText(/longest gap/i)
      .waitFor({ timeout: TIMEOUT_MS });
    await page.getByTestId('strip-cancel').waitFor({ state: 'hidden', timeout: TIMEOUT_MS });
    const outcome = await page.getByTestId('demo-strip').innerText();
    expect(outcome).toMatch(/Kill the leader passed: longest gap[^:]* [\d.,]+ m?s, 0 holes/);
    expect(await page.evaluate('globalThis.neverReloaded')).toBe(true);

    const run = await lastRun('failover');
    expect(figureOf(run, 'longest gap, clients of surviving nodes')).toBeLessThan(5_000);
    const { values } = run.timeline!.series[0]!;
    const sorted = [...values].sort((a, b) => a - b);
    const usual = sorted[Math.floor(sorted.length * 0.6)]!;
    const lowest = Math.min(...values.slice(1, -2));
    const at = values.indexOf(lowest, 1);
    // It dips, and comes back.
    expect(lowest).toBeLessThan(usual * 0.5);
    expect(Math.max(...values.slice(at))).toBeGreaterThan(usual * 0.7);
    expect(await page.getByTestId('chart-marks').innerText()).toMatch(/kill|leader/i);
  },
);

describe('while a demonstration runs', () => {
  const LONG = { totalRequests: '200000', concurrentThreads: '4' };

  async function startLong(page: Page): Promise<void> {
    for (const [field, value] of Object.entries(LONG))
      await page.getByTestId(`demo-param-load-test-${field}`).fill(value);
    await start(page, 'load-test');
  }

  test(
    'no other can be started, by no button of any page and by no request',
    { timeout: TIMEOUT_MS },
    async () => {
      const { page } = await browsing.open({ at: '#demos&demo=load-test' });
      const other = await browsing.open({ node: 2, at: '#demos&demo=basic' });
      await startLong(page);
      await other.page.locator('[data-testid="demo-run"][data-state="running"]').waitFor();
      expect(await other.page.getByTestId('demo-run-basic').isDisabled()).toBe(true);
      const answer = await fetch(`${inject('nodeUrls')[3]}/api/v1/demo/basic`, { method: 'POST' });
      expect(answer.status).toBe(409);
      expect(((await answer.json()) as { code: string }).code).toBe('demo_running');
      await other.page.getByTestId('demo-cancel').click();
      expect(await ended(page)).toBe('cancelled');
    },
  );

  test(
    'it can be cancelled, verifies all the same, and axe finds nothing',
    { timeout: TIMEOUT_MS },
    async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page } = await browsing.open({ at: '#demos&demo=load-test', context: { colorScheme } });
        await startLong(page);
        await page.getByTestId('demo-figures').locator('dt').first().waitFor();
        expect(await violationsOf(page)).toEqual([]);
        await page.getByTestId('demo-cancel').click();
        expect(await ended(page)).toBe('cancelled');
        expect(await violationsOf(page)).toEqual([]);
        await page.context().close();
      }
    },
  );

  test('failover that is cancelled leaves everything as it was', { timeout: TIMEOUT_MS }, async () => {
    const { page, watch } = await browsing.open({ at: '#demos&demo=failover' });
    watch.allow(LOST_NODE, UNAVAILABLE);
    await page.getByTestId('demo-param-failover-seconds').fill('60');
    await start(page, 'failover');
    await page.getByTestId('demo-figures').locator('dt').first().waitFor();
    await page.getByTestId('demo-cancel').click();
    expect(await ended(page)).toBe('cancelled');
    await untilAllServe();
  });
});

test('nonsense in its fields is refused with the limits, and nothing is started', async () => {
  const { page, watch } = await browsing.open({ at: '#demos&demo=load-test' });
  watch.allow(REFUSED);
  for (const value of ['0', '-3', '99999999', '1.5', '']) {
    await page.getByTestId('demo-param-load-test-totalRequests').fill(value);
    await page.getByTestId('demo-run-load-test').click();
    await page.locator('[data-testid="demo-param-load-test-totalRequests"][aria-invalid="true"]').waitFor();
  }
  expect((await catalogue()).current?.state ?? 'none').not.toBe('running');
});
