import fc from 'fast-check';
import type { SeriesSettings } from '../../src/core/head.ts';
import { encodeLedgerRecord } from '../../src/core/ledger-record.ts';
import { KEYS } from '../../src/core/records.ts';
import type { Command } from '../../src/core/requests.ts';
import { HistoryWorld, SERIES } from './history-world.ts';
import { digest } from './series-world.ts';

const place = { site: 'site-1', partition: 'a' };
const owners = ['invoice', 'credit'].map(type => ({ ...place, type }));

/** What a history is made of: how many requests of which kind, about what. */
export const steps = fc.array(fc.record({ kind: fc.nat(9), n: fc.nat(30), plain: fc.boolean() }), {
  minLength: 4,
  maxLength: 25,
});

/** A series with whatever these steps make; steps that are refused make nothing. */
export async function playHistory(
  history: readonly { readonly kind: number; readonly n: number; readonly plain: boolean }[],
  settings?: SeriesSettings,
): Promise<HistoryWorld> {
  const world = new HistoryWorld(settings);
  await world.do({ kind: 'issue', owner: owners[0]!, count: 3 });
  for (const { kind, n, plain } of history) {
    const command = commandOf(kind, n, world);
    const origin = plain ? {} : { client: `client-${n}`, reference: `doc-${n}`, trace: 't' };
    // Refused ones change nothing.
    await world.do(command, origin).catch(() => {});
  }
  return world;
}

function commandOf(kind: number, n: number, world: HistoryWorld): Command {
  const owner = owners[n % 2]!;
  const sequence = Math.max(1, world.entries.length - (n % 4));
  switch (kind) {
    case 0:
      return { kind: 'block', owner, count: n + 1 };
    case 1:
      return { kind: 'reserve', owner, count: 1 + (n % 5), holdMs: 60_000 };
    case 2:
      return { kind: 'confirm', reservation: { sequence, index: 0 }, ...place };
    case 3:
      return { kind: 'cancel', reservation: { sequence, index: 0 }, ...place };
    case 4:
      return { kind: 'void', number: n + 1, ...place, reason: 'damaged', actor: 'somebody' };
    case 5:
      return { kind: 'issue', owner, count: 1 + (n % 3), suppress: 'a test document' };
    case 6:
      return { kind: 'release', number: n + 1, ...place, reason: 'cancelled' };
    default:
      return { kind: 'issue', owner, count: 1 + (n % 4) };
  }
}

/** Says in the store that a ledger has all batches up to one, as its projector does. */
export async function publishLedger(world: HistoryWorld, sequence = world.entries.length): Promise<void> {
  const election = { key: 'projector', revision: '1' };
  world.store.setLeadership(election);
  const { record } = await world.store.read(SERIES, KEYS.ledger);
  const { text, batch } = world.entries[sequence - 1]!;
  const value = encodeLedgerRecord({
    sequence,
    chain: digest(text),
    time: batch.time,
    node: 'node-1',
    problem: null,
    detail: '',
  });
  await world.store.publishLedger({ series: SERIES, expected: record?.value ?? null, value, election });
}

/** Prunes the store's journal before a batch, which the ledger has as {@link publishLedger} has said. */
export async function pruneBehindLedger({ store }: HistoryWorld, first: number): Promise<void> {
  const leadership = { key: 'leader', revision: '1' };
  store.setLeadership(leadership);
  const { record } = await store.read(SERIES, KEYS.ledger);
  const ledger = record?.value ?? null;
  if (!(await store.prune({ series: SERIES, first: 1, last: first - 1, leadership, ledger })))
    throw new Error('not pruned');
}
