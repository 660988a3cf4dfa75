import { expect, onTestFinished, test } from 'vitest';
import { LedgerPatrol, type LedgerPatrolDependencies } from '../../../src/verify/ledger-patrol.ts';
import { SeqdError } from '../../../src/core/errors.ts';
import { createSystemClock } from '../../../src/ports/clock.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import { HistoryWorld, SERIES } from '../../kit/history-world.ts';
import { MemoryLedgerScan } from '../../kit/memory-ledger-scan.ts';
import { digest } from '../../kit/series-world.ts';
import { until } from '../../kit/until.ts';

const owner = { site: 'site-1', partition: 'a', type: 'invoice' };

async function worldOf(batches: number): Promise<HistoryWorld> {
  const world = new HistoryWorld();
  for (let i = 0; i < batches; i += 1) await world.do({ kind: 'issue', owner, count: 1 });
  return world;
}

function patrolOf(world: HistoryWorld, scan: MemoryLedgerScan, more: Partial<LedgerPatrolDependencies> = {}) {
  const errors: { detail?: string }[] = [];
  const logger = { ...silentLogger, error: (fields: { detail?: string }) => errors.push(fields) };
  const patrol = new LedgerPatrol(SERIES, {
    scan,
    store: world.store,
    digest,
    clock: createSystemClock(),
    logger,
    isMyTurn: () => true,
    rowsPerSecond: 1_000_000,
    passPauseMs: 1,
    ...more,
  });
  onTestFinished(() => patrol.close());
  return { patrol, errors };
}

test('walks through the whole ledger, again and again, and finds nothing in one that is untouched', async () => {
  const world = await worldOf(250);
  const scan = new MemoryLedgerScan(world.entries);
  const { patrol, errors } = patrolOf(world, scan);
  expect(patrol.view).toMatchObject({ sequence: 0, problems: 0, lastPassAt: undefined });
  patrol.start();
  await until('two passes', () => scan.chunks >= 8);
  expect(patrol.view!.lastPassAt).toBeGreaterThan(1e12);
  expect(patrol.view).toMatchObject({ problems: 0, finding: undefined });
  expect(errors).toEqual([]);
});

test('finds a row that was changed, logs it once, and forgets it when it is as it was', async () => {
  const world = await worldOf(120);
  const scan = new MemoryLedgerScan(world.entries);
  const { patrol, errors } = patrolOf(world, scan);
  const { owner: before } = scan.facts[110]!;
  scan.facts[110]!.owner = { ...owner, type: 'credit' };
  patrol.start();
  await until('a finding', () => patrol.view!.problems === 1);
  const { chunks } = scan;
  await until('another pass', () => scan.chunks > chunks + 6);
  expect(patrol.view).toMatchObject({ problems: 1, finding: expect.stringContaining('batch 111') as string });
  expect(errors).toEqual([expect.objectContaining({ sequence: 111, finding: 'changed' })]);
  scan.facts[110]!.owner = before;
  await until('nothing any more', () => patrol.view!.problems === 0);
});

test('finds a history that was rewritten with all its hashes, as long as etcd has its last batch', async () => {
  const world = await worldOf(20);
  const scan = new MemoryLedgerScan(world.entries);
  scan.rewrite(world.entries, 5, batch => ({ ...batch, node: 'somebody' }));
  const { patrol } = patrolOf(world, scan);
  patrol.start();
  await until('the end of a pass', () => patrol.view!.lastPassAt !== undefined);
  expect(patrol.view!.problems).toBe(1);
  expect(patrol.view!.finding).toContain("batch 20 has another hash in etcd's journal");
});

test('a pass ends where the ledger ended when it began', async () => {
  const world = await worldOf(300);
  const scan = new MemoryLedgerScan(world.entries.slice(0, 150));
  let written = 150;
  const growing = {
    at: (...args: Parameters<MemoryLedgerScan['at']>) => {
      // As fast as it is read.
      scan.write(world.entries.slice(written, Math.min(300, (written += 50))));
      return scan.at(...args);
    },
    close: () => Promise.resolve(),
  } as MemoryLedgerScan;
  const { patrol } = patrolOf(world, growing, { passPauseMs: 1e6 });
  patrol.start();
  await until('the end of a pass', () => patrol.view!.lastPassAt !== undefined);
  // Two on the way, one to compare the checkpoint with.
  expect(scan.chunks).toBe(3);
  expect(patrol.view!.problems).toBe(0);
});

test('a pass through a ledger that grows throughout compares the checkpoint, too', async () => {
  const world = await worldOf(300);
  const scan = new MemoryLedgerScan(world.entries.slice(0, 150));
  let written = 150;
  const growing = {
    at: (...args: Parameters<MemoryLedgerScan['at']>) => {
      // As fast as it is read.
      scan.write(world.entries.slice(written, Math.min(300, (written += 50))));
      scan.checkpoint!.next += 1;
      return scan.at(...args);
    },
    close: () => Promise.resolve(),
  } as MemoryLedgerScan;
  const { patrol } = patrolOf(world, growing, { passPauseMs: 1e6 });
  patrol.start();
  await until('the end of a pass', () => patrol.view!.lastPassAt !== undefined);
  expect(patrol.view!.problems).toBe(1);
  expect(patrol.view!.finding).toContain('the checkpoint says next');
});

test('keeps to its rows a second', async () => {
  const world = await worldOf(300);
  const scan = new MemoryLedgerScan(world.entries);
  const { patrol } = patrolOf(world, scan, { rowsPerSecond: 2_000 });
  const startedMs = performance.now();
  patrol.start();
  await until('the end of a pass', () => patrol.view!.lastPassAt !== undefined);
  // 600 rows.
  expect(performance.now() - startedMs).toBeGreaterThan(250);
});

test('rests while it is another node, and begins again when it is its turn', async () => {
  const world = await worldOf(10);
  const scan = new MemoryLedgerScan(world.entries);
  const { patrol } = patrolOf(world, scan, { isMyTurn: () => false });
  patrol.start();
  await new Promise(resolve => setImmediate(resolve));
  expect(scan.chunks).toBe(0);
  expect(patrol.view).toBeUndefined();
});

test('a ledger that does not answer is asked again, and is no finding', async () => {
  const world = await worldOf(10);
  const scan = new MemoryLedgerScan(world.entries);
  let asked = 0;
  const down = {
    at: () => {
      asked += 1;
      return Promise.reject(new SeqdError('ledger_unavailable', 'down'));
    },
    close: () => Promise.resolve(),
  } as unknown as MemoryLedgerScan;
  const { patrol, errors } = patrolOf(world, down);
  expect(scan.chunks).toBe(0);
  patrol.start();
  await until('a question', () => asked > 0);
  expect(patrol.view).toMatchObject({ problems: 0, sequence: 0 });
  expect(errors).toEqual([]);
});
