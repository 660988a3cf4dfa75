import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { useBrowser } from './kit/browsing.ts';
import { currentRun, draw, killNode, untilAllServe } from './kit/cluster.ts';
import { LOST_NODE, UNAVAILABLE } from './kit/page-watch.ts';

const LIVE = '[data-testid="connection"][data-state="live"]';
const BANNER = '[data-testid="stale-banner"]:not([hidden])';
const TIMEOUT_MS = 90_000;

const browsing = useBrowser();

let frozen: number[] = [];

/** Stops processes as a machine that hangs does; they go on after the test at the latest. */
function freeze(...pids: readonly number[]): void {
  for (const pid of pids) {
    process.kill(pid, 'SIGSTOP');
    frozen.push(pid);
  }
}

function thaw(): void {
  for (const pid of frozen) process.kill(pid, 'SIGCONT');
  frozen = [];
}

afterEach(async () => {
  thaw();
  await untilAllServe();
});

async function issued(page: Page): Promise<number> {
  return Number((await page.getByTestId('issued').innerText()).replaceAll(/\D/g, ''));
}

describe.skipIf(process.platform === 'win32')('the page', () => {
  test(
    'goes on without a reload when the node that serves it is killed, and is back at it when that serves again',
    { timeout: TIMEOUT_MS },
    async () => {
      const { page, watch } = await browsing.open({ node: 3 });
      watch.allow(LOST_NODE);
      await page.evaluate('globalThis.neverReloaded = true');
      const home = await page.getByTestId('connection-text').innerText();
      const before = await issued(page);
      await killNode(3);
      // The number is on the page although its own node is dead.
      await until('another node draws', () => draw(0).catch(() => undefined));
      await until('the page shows it', async () => (await issued(page)) > before, { timeoutMs: 15_000 });
      await page.locator(LIVE).waitFor();
      await untilAllServe();
      await until(
        'the page gets its stream from its own node again',
        async () => (await page.getByTestId('connection-text').innerText()) === home,
        { timeoutMs: 45_000 },
      );
      const after = await issued(page);
      await draw(1);
      await until('it is live there', async () => (await issued(page)) > after);
      expect(await page.evaluate('globalThis.neverReloaded')).toBe(true);
      expect(await page.locator(BANNER).count()).toBe(0);
    },
  );

  test(
    'a draw by button while its node is down is not lost and not done twice',
    { timeout: TIMEOUT_MS },
    async () => {
      const { page, watch } = await browsing.open({ node: 2, at: '#actions' });
      watch.allow(LOST_NODE, UNAVAILABLE);
      const before = await issued(page);
      await killNode(2);
      await page.getByTestId('quick-site-1-partition-b').click();
      await page.getByTestId('reply').waitFor({ timeout: 20_000 });
      expect(await page.getByTestId('reply').getAttribute('data-kind')).toMatch(/fresh|reused/);
      await untilAllServe();
      await page.locator(LIVE).waitFor();
      await until('one more', async () => (await issued(page)) > before);
      expect(await issued(page)).toBe(before + 1);
    },
  );

  test(
    'says how old its figures are when nothing comes any more, and recovers by itself',
    { timeout: TIMEOUT_MS },
    async () => {
      const { page, watch } = await browsing.open({ node: 0 });
      watch.allow(LOST_NODE, UNAVAILABLE);
      freeze(...(await currentRun()).nodes.map(({ pid }) => pid));
      await page.locator(BANNER).waitFor({ timeout: 20_000 });
      const age = async (): Promise<number> =>
        Number(/(\d+(?:\.\d+)?) s/.exec(await page.getByTestId('stale-age').innerText())?.[1] ?? 0);
      const first = await age();
      expect(first).toBeGreaterThanOrEqual(3);
      await until('the age grows', async () => (await age()) > first);
      expect(await page.getByTestId('connection').getAttribute('data-state')).not.toBe('live');
      thaw();
      await page.locator(LIVE).waitFor({ timeout: 30_000 });
      await page.locator(BANNER).waitFor({ state: 'detached' });
    },
  );

  test('alerts when an etcd member does not answer, and shows which', { timeout: TIMEOUT_MS }, async () => {
    const { page, watch } = await browsing.open();
    watch.allow(UNAVAILABLE);
    await page.locator('[data-testid="member"][data-state="serving"]').nth(2).waitFor();
    const member = (await currentRun()).etcd.members[1]!;
    freeze(member.pid);
    const alert = page.getByTestId('alert').filter({ hasText: member.clientUrl });
    await alert.waitFor({ timeout: 30_000 });
    await page.locator('[data-testid="member"][data-state="gone"]').waitFor();
    expect(await page.title()).toMatch(/^\(\d+!\)/);
    await draw(1);
    thaw();
    await alert.waitFor({ state: 'detached', timeout: 30_000 });
    await page.locator('[data-testid="member"][data-state="serving"]').nth(2).waitFor();
  });

  test(
    'works without its ledger: draws, lives and the proof; and says that it is gone',
    { timeout: TIMEOUT_MS },
    async ({ skip }) => {
      const { ledger } = await currentRun();
      skip(ledger?.source !== 'own', 'this demonstration has no ledger of its own');
      const { page, watch } = await browsing.open();
      watch.allow(UNAVAILABLE);
      // Without this file it does not come back when the supervisor starts it again.
      const needed = join(ledger!.directory!, 'data', 'global', 'pg_control');
      await rename(needed, `${needed}.away`);
      try {
        process.kill(ledger!.pid!, 'SIGKILL');
        await page.getByTestId('quick-site-2-partition-a').click();
        await page.getByTestId('reply').waitFor();
        const number = await page.getByTestId('reply-numbers').innerText();
        await page.getByTestId('reply-find').click();
        await page.locator('[data-testid="find-state"][data-status="issued"]').waitFor();
        expect(await page.getByTestId('find-state').innerText()).toContain(number);
        await page.getByTestId('timeline').locator('[data-event]').last().waitFor();
        await page.getByTestId('verify-button').click();
        await page.locator('[data-testid="verify-result"][data-tone="good"]').waitFor();
        const alert = page.getByTestId('alert').filter({ hasText: 'The ledger does not answer' });
        await alert.waitFor({ timeout: 40_000 });
        expect(await page.locator('.panel-error').count()).toBe(0);
        await rename(`${needed}.away`, needed);
        await alert.waitFor({ state: 'detached', timeout: 40_000 });
      } finally {
        await rename(`${needed}.away`, needed).catch(() => {});
      }
    },
  );
});
