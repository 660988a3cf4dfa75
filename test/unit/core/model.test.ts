import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeHead } from '../../../src/core/head.ts';
import { formatAllocationId, type Owner, type Position } from '../../../src/core/identifiers.ts';
import { samePage } from '../../../src/core/page.ts';
import { allocationReply } from '../../../src/core/replies.ts';
import type { Command, Outcome, Request } from '../../../src/core/requests.ts';
import type { ReusePolicy } from '../../../src/core/head.ts';
import { SETTINGS, SeriesWorld } from '../../kit/series-world.ts';

// The model: what the rules of the design say, in the plainest words, one map entry a number.

interface Held {
  status: 'issued' | 'reserved' | 'pooled' | 'void' | 'imported';
  site: string;
  allocation: string;
}

interface Expected {
  code: string | undefined;
  numbers?: number[];
}

class Model {
  readonly numbers = new Map<number, Held>();
  readonly reservations = new Map<string, { site: string; numbers: number[]; deadline: number }>();
  readonly keys = new Map<string, { fingerprint: string; answer: string }>();
  next = 1;
  start = 1;
  /** Of an import, what is yet to be said: which numbers were never used. */
  open: { from: number; gaps: number[]; last: number; to: 'pool' | 'void' } | undefined;
  readonly reuse: ReusePolicy;

  constructor(reuse: ReusePolicy) {
    this.reuse = reuse;
  }

  draw(site: string, count: number, status: Held['status'], allocation: string, fromPool: boolean): number[] {
    const pooled = [...this.numbers].filter(([, held]) => held.status === 'pooled').map(([n]) => n);
    const numbers = fromPool ? pooled.sort((a, b) => a - b).slice(0, count) : [];
    while (numbers.length < count) numbers.push(this.next++);
    for (const number of numbers) this.numbers.set(number, { status, site, allocation });
    return numbers;
  }

  giveBack(number: number): void {
    this.numbers.get(number)!.status = this.reuse === 'never' ? 'void' : 'pooled';
  }

  count(status: Held['status']): number {
    return [...this.numbers.values()].filter(held => held.status === status).length;
  }
}

const SITES = ['north', 'south'];
const ownerAt = (site: string): Owner => ({ site, partition: 'a', type: 'on-cycle' });

type Action =
  | {
      kind: 'draw';
      verb: 'issue' | 'block' | 'reserve' | 'suppress';
      site: string;
      count: number;
      key?: string;
    }
  | {
      kind: 'return';
      verb: 'release' | 'void';
      site: string;
      pick: number;
      id: 'none' | 'current' | 'wrong';
      key?: string;
    }
  | { kind: 'end'; verb: 'confirm' | 'cancel'; site: string; pick: number }
  | { kind: 'raise'; by: number }
  | { kind: 'import'; after: number; used: boolean[]; to: 'pool' | 'void' }
  | { kind: 'gaps'; size: number; wrong: boolean }
  | { kind: 'retire'; size: number; wrong: boolean }
  | { kind: 'wait'; ms: number };

const site = fc.constantFrom(...SITES);
const key = fc.option(fc.constantFrom('k1', 'k2', 'k3', 'k4'), { nil: undefined });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        kind: fc.constant('draw' as const),
        verb: fc.constantFrom('issue', 'issue', 'suppress', 'reserve', 'block'),
        site,
        count: fc.integer({ min: 1, max: 5 }),
        key,
      },
      { requiredKeys: ['kind', 'verb', 'site', 'count'] },
    ) as fc.Arbitrary<Action>,
  },
  {
    weight: 5,
    arbitrary: fc.record(
      {
        kind: fc.constant('return' as const),
        verb: fc.constantFrom('release', 'release', 'void'),
        site,
        pick: fc.nat(60),
        id: fc.constantFrom('none', 'current', 'wrong'),
        key,
      },
      { requiredKeys: ['kind', 'verb', 'site', 'pick', 'id'] },
    ) as fc.Arbitrary<Action>,
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      verb: fc.constantFrom('confirm', 'cancel'),
      site,
      pick: fc.nat(3),
    }) as fc.Arbitrary<Action>,
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('raise' as const), by: fc.integer({ min: -2, max: 8 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('import' as const),
      after: fc.integer({ min: -3, max: 3 }),
      used: fc.array(fc.boolean(), { maxLength: 12 }),
      to: fc.constantFrom('pool', 'void'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('gaps' as const),
      size: fc.integer({ min: 1, max: 9 }),
      wrong: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('retire' as const),
      size: fc.integer({ min: 0, max: 3 }),
      wrong: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(10, 150) }) },
);

/** What the model expects of an action; changes the model. */
function expectAction(
  model: Model,
  world: SeriesWorld,
  a: Exclude<Action, { kind: 'wait' }>,
): { command: Command; expected: Expected } {
  const position = formatAllocationId({ sequence: world.state.head.sequence + 1, index: 0 });
  if (a.kind === 'draw') {
    const owner = ownerAt(a.site);
    const fromPool = a.verb !== 'block' && model.reuse === 'lowest-first';
    const status = a.verb === 'reserve' ? 'reserved' : 'issued';
    const command: Command =
      a.verb === 'block'
        ? { kind: 'block', owner, count: a.count }
        : a.verb === 'reserve'
          ? { kind: 'reserve', owner, count: a.count, holdMs: 100 }
          : {
              kind: 'issue',
              owner,
              count: a.count,
              ...(a.verb === 'suppress' ? { suppress: 'suppressed' } : {}),
            };
    const numbers = model.draw(a.site, a.count, status, position, fromPool);
    if (a.verb === 'suppress') for (const number of numbers) model.giveBack(number);
    if (a.verb === 'reserve')
      model.reservations.set(position, { site: a.site, numbers, deadline: world.now + 100 });
    return { command, expected: { code: undefined, numbers } };
  }
  if (a.kind === 'return') return expectReturn(model, a);
  if (a.kind === 'end') return expectEnd(model, a);
  if (a.kind === 'import') return expectImport(model, a);
  if (a.kind === 'gaps') return expectGaps(model, a);
  if (a.kind === 'retire') return expectRetire(model, a);
  const wanted = model.next + a.by;
  const command: Command = { kind: 'raise', next: wanted, reason: 'cutover', actor: 'test' };
  if (wanted <= model.next) return { command, expected: { code: 'counter_lowered' } };
  skipTo(model, wanted);
  model.next = wanted;
  return { command, expected: { code: undefined } };
}

/** An empty series starts later; any other documents what it leaves out. */
function skipTo(model: Model, next: number): void {
  if (model.next === model.start) model.start = next;
  else setAll(model, model.next, next - 1, 'void');
}

function setAll(model: Model, first: number, last: number, status: Held['status']): void {
  for (let n = first; n <= last; n += 1) model.numbers.set(n, { status, site: '', allocation: '' });
}

function expectImport(
  model: Model,
  { after, used, to }: Extract<Action, { kind: 'import' }>,
): { command: Command; expected: Expected } {
  const first = model.next + after;
  // The first and the last number are used, or the numbering would not reach there.
  const all = [true, ...used, true];
  const next = first + all.length;
  const imported = { first, source: 'old', gapsTo: to };
  const command: Command = { kind: 'raise', next, reason: 'cutover', actor: 'test', imported };
  const code =
    next <= model.next
      ? 'counter_lowered'
      : model.open !== undefined
        ? 'import_conflict'
        : first < model.next
          ? 'counter_lowered'
          : to === 'pool' && model.reuse === 'never'
            ? 'invalid_request'
            : undefined;
  if (code === undefined) {
    skipTo(model, first);
    setAll(model, first, next - 1, 'imported');
    const gaps = all.flatMap((isUsed, i) => (isUsed ? [] : [first + i]));
    model.open = { from: first, gaps, last: next - 1, to };
    model.next = next;
  }
  return { command, expected: { code } };
}

function expectGaps(
  model: Model,
  { size, wrong }: Extract<Action, { kind: 'gaps' }>,
): { command: Command; expected: Expected } {
  const { open } = model;
  const first = (open?.from ?? 1) + (wrong ? 1 : 0);
  const last = Math.max(first, Math.min(first + size - 1, open?.last ?? first));
  const numbers = open?.gaps.filter(n => n >= first && n <= last) ?? [];
  const gaps = numbers.map(n => ({ first: n, last: n }));
  const command: Command = {
    kind: 'adopt',
    first,
    last,
    gaps,
    source: 'old',
    reason: 'unused',
    actor: 'test',
  };
  if (open === undefined || wrong) return { command, expected: { code: 'import_conflict' } };
  for (const n of numbers) model.numbers.get(n)!.status = open.to === 'pool' ? 'pooled' : 'void';
  if (last === open.last) model.open = undefined;
  else open.from = last + 1;
  return { command, expected: { code: undefined } };
}

function expectRetire(
  model: Model,
  { size, wrong }: Extract<Action, { kind: 'retire' }>,
): { command: Command; expected: Expected } {
  const pooled = [...model.numbers].filter(([, held]) => held.status === 'pooled').map(([n]) => n);
  const numbers = pooled.sort((a, b) => a - b).slice(0, size);
  // A number that was never drawn, or one that is not in the pool.
  if (wrong) numbers.push(model.next);
  const ranges = numbers.map(n => ({ first: n, last: n }));
  const command: Command = { kind: 'retire', ranges, reason: 'lost', actor: 'test' };
  if (wrong || (numbers.length === 0 && model.open?.to !== 'pool'))
    return { command, expected: { code: 'invalid_request' } };
  for (const n of numbers) model.numbers.get(n)!.status = 'void';
  if (model.open !== undefined) model.open.to = 'void';
  return { command, expected: { code: undefined } };
}

function expectReturn(
  model: Model,
  a: Extract<Action, { kind: 'return' }>,
): { command: Command; expected: Expected } {
  const number = a.pick;
  const held = model.numbers.get(number);
  const allocation =
    a.id === 'none' ? undefined : a.id === 'wrong' ? { sequence: 99_999, index: 0 } : parse(held?.allocation);
  const command: Command = {
    kind: a.verb,
    number,
    site: a.site,
    partition: 'a',
    reason: 'because',
    actor: 'test',
    ...(allocation === undefined ? {} : { allocation }),
  };
  return { command, expected: { code: returnCode() } };

  function returnCode(): string | undefined {
    if (held === undefined) return 'never_issued';
    if (held.status === 'pooled') return 'already_released';
    if (held.status === 'void') return 'already_void';
    if (held.status === 'reserved') return 'number_reserved';
    if (held.status === 'imported') return 'not_owner';
    if (allocation === undefined && reissued.get(model)?.has(number) === true)
      return 'allocation_id_required';
    if (allocation !== undefined && formatAllocationId(allocation) !== held.allocation)
      return 'stale_allocation';
    if (held.site !== a.site) return 'not_owner';
    if (a.verb === 'void') held.status = 'void';
    else model.giveBack(number);
    return undefined;
  }
}

/** Numbers drawn from the pool, by model: those need an allocationId to be returned. */
const reissued = new WeakMap<Model, Set<number>>();

function parse(allocation: string | undefined): Position | undefined {
  if (allocation === undefined || allocation === '') return undefined;
  const [sequence, index] = allocation.split('-').map(Number);
  return { sequence: sequence!, index: index! };
}

function expectEnd(
  model: Model,
  a: Extract<Action, { kind: 'end' }>,
): { command: Command; expected: Expected } {
  const open = [...model.reservations];
  const [id, reservation] = open[a.pick % Math.max(1, open.length)] ?? ['77777-0', undefined];
  const command: Command = { kind: a.verb, reservation: parse(id)!, site: a.site, partition: 'a' };
  if (reservation === undefined) return { command, expected: { code: 'reservation_not_found' } };
  if (reservation.site !== a.site) return { command, expected: { code: 'not_owner' } };
  model.reservations.delete(id);
  for (const number of reservation.numbers) {
    if (a.verb === 'confirm') model.numbers.get(number)!.status = 'issued';
    else model.giveBack(number);
  }
  return { command, expected: { code: undefined } };
}

function codeOf(outcome: Outcome): string | undefined {
  return outcome.status === 'rejected' ? outcome.rejection.code : undefined;
}

function numbersOf(outcome: Outcome): number[] {
  if (outcome.status !== 'done') return [];
  return allocationReply(outcome.record).numbers.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i),
  );
}

function step(model: Model, world: SeriesWorld, a: Action): void {
  if (a.kind === 'wait') return expire(model, world, a.ms);
  const actionKey = 'key' in a ? a.key : undefined;
  const fingerprint = JSON.stringify({ ...a, key: undefined });
  const origin = actionKey === undefined ? {} : { key: actionKey, fingerprint };
  const used = actionKey === undefined ? undefined : model.keys.get(actionKey);
  if (used !== undefined) {
    const before = encodeHead(world.state.head);
    const { command } = expectAction(new Model(model.reuse), world, a);
    const outcome = world.do(command, origin);
    if (used.fingerprint === fingerprint) {
      expect(outcome).toMatchObject({ status: 'done', replayed: true });
      expect(describeOutcome(outcome)).toBe(used.answer);
    } else {
      expect(codeOf(outcome)).toBe('idempotency_key_reused');
    }
    expect(encodeHead(world.state.head)).toBe(before);
    return;
  }
  const pooledBefore = new Set(
    [...model.numbers].filter(([, held]) => held.status === 'pooled').map(([n]) => n),
  );
  const before = encodeHead(world.state.head);
  const { command, expected } = expectAction(model, world, a);
  const outcome = world.do(command, origin);
  expect(codeOf(outcome)).toBe(expected.code);
  if (expected.code !== undefined) expect(encodeHead(world.state.head)).toBe(before);
  if (expected.numbers !== undefined) {
    expect(numbersOf(outcome)).toEqual(expected.numbers);
    const set = reissued.get(model)!;
    for (const number of expected.numbers) if (pooledBefore.has(number)) set.add(number);
  }
  if (actionKey !== undefined && outcome.status === 'done') {
    model.keys.set(actionKey, { fingerprint, answer: describeOutcome(outcome) });
  }
}

function describeOutcome(outcome: Outcome): string {
  return outcome.status === 'done' ? JSON.stringify(outcome.record) : outcome.status;
}

/** Time passes; the engine would now end what is overdue. */
function expire(model: Model, world: SeriesWorld, ms: number): void {
  world.now += ms;
  for (const [id, reservation] of model.reservations) {
    const outcome = world.do({ kind: 'expire', reservation: parse(id)! });
    if (reservation.deadline > world.now) {
      expect(codeOf(outcome)).toBe('reservation_not_found');
      continue;
    }
    expect(outcome.status).toBe('done');
    model.reservations.delete(id);
    for (const number of reservation.numbers) model.giveBack(number);
  }
}

function compare(model: Model, world: SeriesWorld): void {
  const { head } = world.state;
  expect(head.next).toBe(model.next);
  expect(head.issued).toBe(model.count('issued'));
  expect(head.reserved).toBe(model.count('reserved'));
  expect(head.pooled).toBe(model.count('pooled'));
  expect(head.voided).toBe(model.count('void'));
  expect(head.imported).toBe(model.count('imported'));
  const held = [...world.state.owners()].reduce((sum, owner) => sum + world.state.tally(owner)!.issued, 0);
  expect(held).toBe(head.issued);
}

function compareReplica(world: SeriesWorld): void {
  expect(encodeHead(world.replica.head)).toBe(encodeHead(world.state.head));
  const pages = new Map(world.state.allPages());
  expect(new Map(world.replica.allPages()).size).toBe(pages.size);
  for (const [id, page] of world.replica.allPages()) expect(samePage(page, pages.get(id)!)).toBe(true);
  expect([...world.replica.reservations()]).toEqual([...world.state.reservations()]);
}

function runActions(reuse: ReusePolicy, actions: readonly Action[]): void {
  const model = new Model(reuse);
  reissued.set(model, new Set());
  const world = new SeriesWorld({ ...SETTINGS, reuse });
  for (const a of actions) {
    step(model, world, a);
    compare(model, world);
  }
  compareReplica(world);
  if (world.journal.length === 0) return;
  const report = world.check();
  expect(report.problems).toEqual([]);
  expect(report).toMatchObject({ complete: true, missing: 0, duplicates: [] });
}

describe('the state machine does what a plain model of the rules does', () => {
  test.each(['lowest-first', 'never'] as const)('with reuse %s', reuse => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), actions => runActions(reuse, actions)),
      { numRuns: 300 },
    );
  });

  test('requests planned together get what they would get one after another', () => {
    const draws = fc.array(
      fc.record({ site, count: fc.integer({ min: 1, max: 4 }), suppress: fc.boolean() }),
      {
        minLength: 1,
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(draws, requests => {
        const together = new SeriesWorld();
        const apart = new SeriesWorld();
        const all: Request[] = requests.map(({ site: at, count, suppress }) => ({
          command: { kind: 'issue', owner: ownerAt(at), count, ...(suppress ? { suppress: 'x' } : {}) },
          origin: {},
        }));
        const a = together.run(all).map(numbersOf);
        const b = all.map(request => numbersOf(apart.run([request])[0]!));
        expect(a).toEqual(b);
        expect(together.check().complete).toBe(true);
      }),
    );
  });
});
