import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { initialHead } from '../../../src/core/head.ts';
import type { Owner } from '../../../src/core/identifiers.ts';
import { type Holding, type Page, PAGE_SIZE } from '../../../src/core/page.ts';
import { type Plan, plan } from '../../../src/core/plan.ts';
import { planRecords } from '../../../src/core/records.ts';
import type { Command, Outcome, Request } from '../../../src/core/requests.ts';
import { SeriesState } from '../../../src/core/state.ts';
import { COMMIT_BYTES_MAX, COMMIT_RECORDS_MAX } from '../../../src/ports/sequence-store.ts';
import { digest, SETTINGS } from '../../kit/series-world.ts';

/** etcd's default `--max-request-bytes`. */
const REQUEST_BYTES_MAX = 1.5 * 1024 * 1024;
/** What stands before every key: the longest cluster name there can be. */
const PREFIX = `/seqd/${'c'.repeat(64)}/series/default/global/all/`;
/** Head and frame of the journal entry, which the plan does not count. */
const FRAME_BYTES = 1_500;

const owner: Owner = { site: 's'.repeat(64), partition: 'p'.repeat(64), type: 't'.repeat(64) };

function bytesOf(made: Plan): number {
  const { puts, deletes } = planRecords(made);
  let bytes = 0;
  for (const { key, value } of puts) bytes += PREFIX.length + key.length + Buffer.byteLength(value);
  for (const key of deletes) bytes += PREFIX.length + key.length;
  return bytes;
}

/** A position of as many digits as there can be. */
const LONG = { sequence: Number.MAX_SAFE_INTEGER, index: 4_095 };

/** Every second number pooled, so that none has a neighbour; the others reissued, each by itself. */
function scatteredPage(id: number): Page {
  const base = id * PAGE_SIZE;
  const pooled = [];
  const reissued: Holding[] = [];
  for (let number = base; number < base + PAGE_SIZE; number += 2) {
    pooled.push({ first: number, last: number });
    const site = `site-${(number / 2) % 8}`.padEnd(64, '-');
    reissued.push({
      first: number + 1,
      last: number + 1,
      allocation: LONG,
      owner: { ...owner, site },
    });
  }
  return { pooled, reserved: [], voided: [], reissued };
}

/** A series of this many scattered pages, with numbers of as many digits as there can be. */
function scattered(pages: number, others: 'reissued' | 'issued' = 'reissued'): SeriesState {
  const firstPage = Math.floor(Number.MAX_SAFE_INTEGER / PAGE_SIZE) - 2_000;
  const half = (pages * PAGE_SIZE) / 2;
  const head = {
    ...initialHead({ ...SETTINGS, start: firstPage * PAGE_SIZE }),
    // The next batch writes the tally too.
    sequence: 2 ** 52 - 1,
    next: (firstPage + pages) * PAGE_SIZE,
    issued: half,
    pooled: half,
  };
  const ids = Array.from({ length: pages }, (_, i) => firstPage + i);
  return new SeriesState({
    head,
    pages: new Map(
      ids.map(id => {
        const page = scatteredPage(id);
        return [id, others === 'reissued' ? page : { ...page, reissued: [] }];
      }),
    ),
    reservations: new Map(),
    tallies: new Map(),
  });
}

const context = {
  now: 1_700_000_000_000,
  node: 'n'.repeat(129),
  serial: 1,
  digest,
  recordsMax: COMMIT_RECORDS_MAX - 8,
  bytesMax: COMMIT_BYTES_MAX,
};

interface Served {
  readonly outcomes: readonly Outcome[];
  /** Facts and bytes of each batch. */
  readonly batches: readonly { facts: number; bytes: number }[];
}

/** Carries requests out in as many batches as they take. */
function serve(
  state: SeriesState,
  requests: readonly Request[],
  limits: Partial<typeof context> = {},
): Served {
  const outcomes: Outcome[] = [];
  const batches: { facts: number; bytes: number }[] = [];
  while (outcomes.length < requests.length) {
    const result = plan(state, requests.slice(outcomes.length), { ...context, ...limits });
    outcomes.push(...result.outcomes);
    if (result.plan === null) continue;
    batches.push({ facts: result.plan.batch.facts.length, bytes: bytesOf(result.plan) });
    state.absorb(result.plan.draft, 1);
  }
  return { outcomes, batches };
}

const text = '\u0001'.repeat(200);
const origin = {
  key: 'k'.repeat(200),
  fingerprint: 'f'.repeat(16),
  client: text,
  trace: text,
  reference: text,
};

function requestsOf(commands: readonly Command[]): Request[] {
  return commands.map((command, i) => ({ command, origin: { ...origin, key: `${i}-${origin.key}` } }));
}

const reserve = (count: number): Command => ({ kind: 'reserve', owner, count, holdMs: 1 });
const issue = (count: number): Command => ({ kind: 'issue', owner, count });

/** What ends the reservations that were made. */
function endsOf(kind: 'confirm' | 'cancel' | 'expire', { outcomes }: Served): Command[] {
  return outcomes.map((outcome): Command => {
    if (outcome.status !== 'done') throw new Error(`not reserved: ${outcome.status}`);
    const reservation = outcome.record.position;
    return kind === 'expire'
      ? { kind, reservation }
      : { kind, reservation, site: owner.site, partition: owner.partition };
  });
}

describe('the largest request there is fits into one etcd request', () => {
  test.each([
    ['issue', issue],
    ['reserve', reserve],
  ] as const)('%s', (_kind, draw) => {
    const state = scattered(16);
    const { outcomes, batches } = serve(state, requestsOf([draw(100_000)]));
    expect(outcomes).toMatchObject([
      { status: 'done', record: { fact: { fresh: expect.anything() as unknown } } },
    ]);
    const [outcome] = outcomes;
    const fact = outcome?.status === 'done' ? outcome.record.fact : undefined;
    expect(fact !== undefined && 'reused' in fact ? fact.reused.length : 0).toBe(16 * 512);
    expect(batches.map(({ facts }) => facts)).toEqual([1]);
    expect(batches[0]!.bytes).toBeLessThan(COMMIT_BYTES_MAX);
    // Large enough to be the case that the comment on `plan` reckons with.
    expect(batches[0]!.bytes).toBeGreaterThan(0.7 * COMMIT_BYTES_MAX);
  });

  test.each(['confirm', 'cancel', 'expire'] as const)('%s', kind => {
    const state = scattered(16);
    const made = serve(state, requestsOf([reserve(100_000)]));
    const { outcomes, batches } = serve(
      state,
      endsOf(kind, made).map(command => ({
        command,
        origin: { client: text, trace: text, reference: text },
      })),
      { now: context.now + 10 },
    );
    expect(outcomes).toMatchObject([{ status: 'done' }]);
    expect(batches[0]!.bytes).toBeLessThan(REQUEST_BYTES_MAX);
    expect(batches[0]!.bytes).toBeGreaterThan(0.4 * COMMIT_BYTES_MAX);
  });
});

describe('a batch stops before a request that would make it too large', () => {
  test.each([
    ['reservations of all a draw takes from the pool', 4, 16 * 512, reserve],
    ['draws of all a draw takes from the pool', 4, 16 * 512, issue],
    ['reservations of a few pages', 24, 2_000, reserve],
    ['draws of a few pages', 24, 2_000, issue],
    ['draws of a few numbers', 500, 60, issue],
  ] as const)('%s', (_what, requests, count, draw) => {
    const state = scattered(100);
    const { outcomes, batches } = serve(
      state,
      requestsOf(Array.from({ length: requests }, () => draw(count))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'done'));
    for (const { facts, bytes } of batches)
      expect(bytes).toBeLessThan(facts === 1 ? REQUEST_BYTES_MAX : COMMIT_BYTES_MAX + FRAME_BYTES);
  });

  test.each(['confirm', 'cancel', 'expire'] as const)('%s of large reservations', kind => {
    const state = scattered(100);
    const made = serve(state, requestsOf(Array.from({ length: 4 }, () => reserve(16 * 512))));
    const ends = endsOf(kind, made).map(command => ({ command, origin: {} }));
    const { outcomes, batches } = serve(state, ends, { now: context.now + 10 });
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'done'));
    for (const { facts, bytes } of batches)
      expect(bytes).toBeLessThan(facts === 1 ? REQUEST_BYTES_MAX : COMMIT_BYTES_MAX + FRAME_BYTES);
  });

  test('reservations from pages that hardly count', () => {
    const requests = requestsOf(Array.from({ length: 75 }, () => reserve(600)));
    const { batches } = serve(scattered(100, 'issued'), requests);
    expect(batches.length).toBeLessThan(75);
    for (const { bytes } of batches) expect(bytes).toBeLessThan(COMMIT_BYTES_MAX + FRAME_BYTES);
  });

  test('and goes on until then: many small draws share it', () => {
    const { batches } = serve(scattered(1), requestsOf(Array.from({ length: 150 }, () => issue(1))));
    expect(batches).toHaveLength(1);
  });
});

test('what the plan counts is never less than what is written, whatever the requests', () => {
  const anyText = fc.option(fc.string({ unit: 'binary', maxLength: 30 }), { nil: undefined });
  const command = fc.oneof(
    fc.record({
      kind: fc.constant('issue' as const),
      count: fc.integer({ min: 1, max: 40 }),
      suppress: anyText,
    }),
    fc.record({ kind: fc.constant('reserve' as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant('block' as const), count: fc.integer({ min: 1, max: 5_000 }) }),
    fc.record({ kind: fc.constantFrom('confirm' as const, 'cancel' as const), pick: fc.nat(200) }),
    fc.record({
      kind: fc.constantFrom('release' as const, 'void' as const),
      pick: fc.nat(2_000),
      reason: anyText,
    }),
  );
  const request = fc.record({ command, client: anyText, reference: anyText, forwarded: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(request, { minLength: 20, maxLength: 60 }),
      fc.integer({ min: 200, max: 20_000 }),
      (wanted, bytesMax) => {
        const state = scattered(3);
        const base = state.head.sequence;
        const { start } = state.head.settings;
        for (let done = 0; done < wanted.length;) {
          const rest = wanted
            .slice(done)
            .map(({ command: wish, client, reference, forwarded }, i): Request => {
              const from = {
                ...(client === undefined ? {} : { client }),
                ...(reference === undefined ? {} : { reference }),
                ...(forwarded ? { ingress: 'i'.repeat(36), ingressNumber: done + i } : {}),
              };
              return { command: commandOf(wish), origin: from };
            });
          const result = plan(state, rest, { ...context, bytesMax });
          expect(result.outcomes.length).toBeGreaterThan(0);
          done += result.outcomes.length;
          if (result.plan === null) continue;
          if (result.plan.batch.facts.length > 1)
            expect(bytesOf(result.plan) - tallyBytes(result.plan)).toBeLessThan(bytesMax + FRAME_BYTES);
          state.absorb(result.plan.draft, 1);
        }

        function commandOf(wish: (typeof wanted)[number]['command']): Command {
          switch (wish.kind) {
            case 'issue':
              return wish.suppress === undefined
                ? issue(wish.count)
                : { kind: 'issue', owner, count: wish.count, suppress: wish.suppress };
            case 'reserve':
              return reserve(wish.count);
            case 'block':
              return { kind: 'block', owner, count: wish.count };
            case 'confirm':
            case 'cancel': {
              const open = [...state.reservations()];
              const reservation = open[wish.pick % Math.max(1, open.length)]?.position ?? {
                sequence: base,
                index: 0,
              };
              return { kind: wish.kind, reservation, site: owner.site, partition: owner.partition };
            }
            case 'release':
            case 'void': {
              const number = start + wish.pick;
              const freshOwner = { allocation: LONG, owner };
              const { site, partition } = {
                ...owner,
                site: `site-${((number - 1) / 2) % 8}`.padEnd(64, '-'),
              };
              const reason = wish.reason ?? '';
              const reissued = number % 2 === 1 && wish.pick < 3 * PAGE_SIZE;
              if (!reissued)
                return { kind: wish.kind, number, site: owner.site, partition, reason, freshOwner };
              return { kind: wish.kind, number, site, partition, reason, allocation: LONG };
            }
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

function tallyBytes(made: Plan): number {
  const tally = planRecords(made).puts.find(({ key }) => key === 'tally');
  return tally === undefined ? 0 : PREFIX.length + tally.key.length + Buffer.byteLength(tally.value);
}
