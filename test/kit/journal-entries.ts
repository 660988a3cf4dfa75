import { encodeBatch } from '../../src/core/batch-codec.ts';
import type { Fact } from '../../src/core/facts.ts';
import { GENESIS_CHAIN } from '../../src/core/head.ts';
import type { JournalEntry } from '../../src/core/records.ts';
import { nextAfter } from '../../src/ledger/ledger-rows.ts';
import { digest } from './series-world.ts';

/** Journal entries that continue each other from batch 1 on, each with these facts as of its first number. */
export function journalEntries(
  batches: number,
  factsOf: (next: number, sequence: number) => readonly Fact[],
): JournalEntry[] {
  const entries: JournalEntry[] = [];
  let previous = GENESIS_CHAIN;
  let next = 1;
  for (let sequence = 1; sequence <= batches; sequence += 1) {
    const time = 1_700_000_000_000 + sequence;
    const batch = {
      sequence,
      previous,
      time,
      node: 'n',
      serial: sequence,
      next,
      facts: factsOf(next, sequence),
    };
    const text = encodeBatch(batch);
    entries.push({ batch, text, revision: 100 + sequence });
    previous = digest(text);
    next = nextAfter(batch);
  }
  return entries;
}
