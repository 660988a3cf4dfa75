import { decodeBatch } from '../../src/core/batch-codec.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import type { JournalEntry } from '../../src/core/records.ts';
import { SeriesState } from '../../src/core/state.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { replayBatches } from '../../src/ledger/recover/replay.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { digest, SETTINGS, SeriesWorld } from './series-world.ts';
import { ownerAt } from './sim/scenario.ts';

/** A history of `batches` batches: draws with keys, of several numbers, releases and what is drawn again, reservations. */
export function historyOf(batches: number, world = new SeriesWorld()): SeriesWorld {
  const owner = ownerAt('north');
  for (let i = world.journal.length + 1; world.journal.length < batches; i += 1) {
    world.now += 200;
    const { next } = world.state.head;
    if (i % 5 === 0)
      world.do({
        kind: 'release',
        number: next - 1,
        site: owner.site,
        partition: owner.partition,
        reason: 'cancelled',
      });
    else if (i % 7 === 0) world.do({ kind: 'reserve', owner, count: 2, holdMs: 1_000_000 });
    else world.do({ kind: 'issue', owner, count: 1 + (i % 3) }, { key: `key-${i}-${world.now}` });
  }
  return world;
}

/** A store that holds these batches and what they make of the series. */
export async function storeOf(texts: readonly string[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  const batches = texts.map(text => ({ sequence: decodeBatch(text).sequence, text }));
  const options = { store, series: GLOBAL_SERIES, digest, random: () => 0.5 };
  for (const batch of batches.length === 0 ? [] : [batches])
    await replayBatches(SeriesState.empty(SETTINGS), batch, options);
  return store;
}

/** A ledger that holds these batches, written by a projector of this epoch. */
export async function ledgerOf(texts: readonly string[], epoch = 1): Promise<MemoryLedger> {
  const ledger = new MemoryLedger(digest);
  if (texts.length > 0) await ledger.append(GLOBAL_SERIES, texts.map(entryOf), epoch);
  return ledger;
}

function entryOf(text: string): JournalEntry {
  return { batch: decodeBatch(text), text, revision: 1 };
}
