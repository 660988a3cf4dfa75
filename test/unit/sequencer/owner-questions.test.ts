import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FreshOwner } from '../../../src/core/requests.ts';
import type { OwnerLookup } from '../../../src/sequencer/owner-lookup.ts';
import { OwnerQuestions } from '../../../src/sequencer/owner-questions.ts';
import type { Pending } from '../../../src/sequencer/pending.ts';

const OWNER: FreshOwner = {
  allocation: { sequence: 9, index: 0 },
  owner: { site: 's', partition: 'p', type: 'invoice' },
};
const CLAIM = { allocation: { sequence: 1, index: 0 }, type: 'invoice' };
/** Numbers from here on are in the journal. */
const IN_JOURNAL = 1_000;

let log: string[];
let asked: number[];
let questions: OwnerQuestions;
let ledger: (number: number) => Promise<FreshOwner | undefined>;
const names = new Map<Pending, string>();

beforeEach(() => {
  vi.useFakeTimers();
  log = [];
  asked = [];
  ledger = () => new Promise(() => {});
  const owners = {
    find: async (number: number) => (number >= IN_JOURNAL ? OWNER : undefined),
    findInLedger: (number: number) => {
      asked.push(number);
      return ledger(number);
    },
    isKept: async () => false,
  };
  questions = new OwnerQuestions(
    owners as unknown as OwnerLookup,
    {
      answered: pending => log.push(`${names.get(pending)} answered`),
      refuse: (pending, error) => log.push(`${names.get(pending)} ${error.code}`),
    },
    () => Date.now(),
  );
});

afterEach(() => {
  vi.useRealTimers();
});

function ask(name: string, number: number, command: object = CLAIM, budgetMs = 5_000): Pending {
  const request = { command: { kind: 'release', number, site: 's', partition: 'p', ...command } };
  const pending = { request, settled: false, deadlineMs: Date.now() + budgetMs } as unknown as Pending;
  names.set(pending, name);
  questions.ask(pending, number, 10);
  return pending;
}

test('a look-up in the journal does not wait for those that need a ledger that hangs', async () => {
  for (let i = 0; i < 20; i += 1) ask(`pruned ${i}`, i);
  ask('kept', IN_JOURNAL);
  await vi.advanceTimersByTimeAsync(0);
  expect(log).toEqual(['kept answered']);
});

test('a ledger that hangs is asked a few questions only, and for a second; then the claim counts', async () => {
  for (let i = 0; i < 20; i += 1) ask(`pruned ${i}`, i);
  expect(questions.size).toBe(20);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(log).toHaveLength(20);
  expect(log.every(line => line.endsWith('answered'))).toBe(true);
  expect(asked).toHaveLength(4);
  expect(questions.size).toBe(0);
});

test('a claim is not kept waiting for a ledger that is known to be down; who has none asks', async () => {
  ask('first', 1);
  await vi.advanceTimersByTimeAsync(1_000);
  log = [];
  ask('with a claim', 2);
  ask('without', 3, {});
  await vi.advanceTimersByTimeAsync(0);
  expect(log).toEqual(['with a claim answered']);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(log).toEqual(['with a claim answered', 'without ledger_unavailable']);
});

test('a ledger that answers again is asked again', async () => {
  ask('first', 1);
  await vi.advanceTimersByTimeAsync(4_000);
  ledger = async () => OWNER;
  const pending = ask('second', 2);
  await vi.advanceTimersByTimeAsync(0);
  expect(pending.request.command).toMatchObject({ freshOwner: OWNER });
});

test('a request with little time left has its answer before it is over', async () => {
  ask('hurried', 1, CLAIM, 200);
  await vi.advanceTimersByTimeAsync(100);
  expect(log).toEqual(['hurried answered']);
});

test('questions that were waited for in vain do not keep their turn', async () => {
  let answer!: () => void;
  ledger = () => new Promise(resolve => (answer = () => resolve(OWNER)));
  for (let i = 0; i < 5; i += 1) ask(`pruned ${i}`, i, {});
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toHaveLength(4);
  answer();
  ask('late', 7, {});
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual([0, 1, 2, 3, 7]);
});
