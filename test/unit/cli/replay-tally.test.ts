import { describe, expect, it } from 'vitest';
import type { Answer, NextReply } from '../../../src/client/index.ts';
import { ReplayTally } from '../../../src/cli/replay/tally.ts';
import { issued } from '../client/fake-node.ts';

const task = (invoiceNo: string) => ({
  invoiceNo,
  cancellation: invoiceNo.startsWith('C'),
  input: { siteId: 's', partitionId: 'p', invoiceType: 't' },
  key: invoiceNo,
});

function drew(
  number: number,
  facts: { reused?: boolean; replayed?: boolean; sequence?: number } = {},
): Answer<NextReply> {
  const { reused = false, replayed = false, sequence = 100 } = facts;
  const reply = { ...(issued(number) as NextReply), reused, allocationId: `${sequence}-0` };
  return { reply, replayed, key: 'k', attempts: 1, url: 'u' };
}

const START = { journalSequence: 50, invoicesReleased: 0 };
const NOBODY = { journalSequence: 200, invoicesReleased: 0 };

describe('ReplayTally', () => {
  it('a number drawn by a cancellation and then kept by an invoice is no duplicate', () => {
    const tally = new ReplayTally(START);
    tally.succeeded(task('C1'), drew(7), 1);
    tally.succeeded(task('2'), drew(7, { reused: true }), 1);
    tally.succeeded(task('3'), drew(8), 1);
    expect(tally.duplicates(NOBODY)).toBe(0);
    expect([tally.keptNumbers, tally.suppressed, tally.reused]).toEqual([2, 1, 1]);
    expect(tally.keptRange()).toEqual({ first: 7, last: 8 });
  });

  it('a number kept by two invoices is a duplicate, fresh or reused', () => {
    for (const reused of [false, true]) {
      const tally = new ReplayTally(START);
      tally.succeeded(task('1'), drew(7), 1);
      tally.succeeded(task('2'), drew(7, { reused }), 1);
      expect(tally.duplicates(NOBODY)).toBe(1);
    }
  });

  it('a reused number is no duplicate when somebody else released as many', () => {
    const tally = new ReplayTally(START);
    tally.succeeded(task('1'), drew(7), 1);
    tally.succeeded(task('2'), drew(7, { reused: true }), 1);
    expect(tally.duplicates({ ...NOBODY, invoicesReleased: 1 })).toBe(0);
  });

  it('nothing explains a number drawn fresh twice', () => {
    const tally = new ReplayTally(START);
    tally.succeeded(task('1'), drew(7), 1);
    tally.succeeded(task('2'), drew(7), 1);
    expect(tally.duplicates({ ...NOBODY, invoicesReleased: 9 })).toBe(1);
  });

  it('an answer from before the start is replayed, one of this run recovered', () => {
    const tally = new ReplayTally(START);
    tally.succeeded(task('1'), drew(1, { replayed: true, sequence: 50 }), 1);
    tally.succeeded(task('2'), drew(2, { replayed: true, sequence: 51 }), 1);
    expect([tally.replayed, tally.recovered]).toEqual([1, 1]);
  });

  it('only the first failures are remembered, all are counted', () => {
    const tally = new ReplayTally(START);
    for (let index = 0; index < 9; index += 1) tally.failedWith(task(String(index)), 'no');
    expect([tally.failed, tally.failures.length, tally.done]).toEqual([9, 5, 9]);
    expect(tally.latencyMs()).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 });
  });
});
