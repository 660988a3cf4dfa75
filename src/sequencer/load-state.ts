import { assertBalanced, type Digest } from '../core/apply.ts';
import { SeqdError } from '../core/errors.ts';
import type { JournalRecord } from '../core/facts.ts';
import { decodeHead, type Head, type SeriesSettings } from '../core/head.ts';
import type { SeriesId } from '../core/identifiers.ts';
import { decodePage } from '../core/page.ts';
import {
  decodeJournalEntry,
  decodeReservation,
  decodeTallies,
  type JournalEntry,
  journalKey,
  KEYS,
} from '../core/records.ts';
import { SeriesState } from '../core/state.ts';
import { addTallyChange, type Tally } from '../core/tally.ts';
import type { WindowLimits } from '../core/window.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';

/** What is needed to load a series. */
export interface LoadOptions {
  /** For a series that does not exist yet. */
  readonly settings: SeriesSettings;
  readonly window: WindowLimits;
  readonly digest: Digest;
}

/** A loaded series. */
export interface LoadedState {
  readonly state: SeriesState;
  /** The journal entries that were read, in order. */
  readonly entries: readonly JournalEntry[];
}

/** Journal entries read at a time while going back through the retry window. */
const TAIL_CHUNK = 1000;

/**
 * Reads a whole series at one revision: head, pool, reservations, tallies, and as much of the journal as the
 * retry window covers.
 *
 * @throws SeqdError `unavailable`, `unsupported_format`
 */
export async function loadState(
  store: SequenceStore,
  series: SeriesId,
  options: LoadOptions,
): Promise<LoadedState> {
  const { record, revision } = await store.read(series, KEYS.head);
  if (record === null) {
    return { state: SeriesState.empty(options.settings, options.window), entries: [] };
  }
  const head = decodeHead(record.value);
  assertBalanced(head);
  const [pages, reservations, tallyRecord] = await Promise.all([
    readPrefix(store, series, KEYS.pool, revision),
    readPrefix(store, series, KEYS.reservations, revision),
    readPrefix(store, series, KEYS.tally, revision),
  ]);
  const tallied = tallyRecord[0] === undefined ? emptyTallies() : decodeTallies(tallyRecord[0].value);
  const entries = await readTail(store, series, {
    head,
    revision,
    through: tallied.sequence,
    window: options.window,
  });
  for (const { batch } of entries) {
    if (batch.sequence <= tallied.sequence) continue;
    for (const fact of batch.facts)
      addTallyChange(tallied.tallies, fact, owner => tallied.tallies.get(owner));
  }
  const state = new SeriesState(
    {
      head,
      pages: pages.map(({ key, value }) => {
        const id = Number(key.slice(KEYS.pool.length));
        return [id, decodePage(id, value)] as const;
      }),
      reservations: reservations.map(({ value }) => decodeReservation(value)),
      tallies: tallied.tallies,
    },
    options.window,
  );
  rememberAll(state, entries);
  return { state, entries };
}

function rememberAll(state: SeriesState, entries: readonly JournalEntry[]): void {
  // Without any entry nothing is remembered, of whatever was committed so far.
  state.window.ingressFloor = (entries[0]?.batch.sequence ?? state.head.sequence + 1) - 1;
  for (const entry of entries) for (const record of recordsOf(entry)) state.window.remember(record);
  state.window.forget(state.head.time);
}

/** The facts of a journal entry with their places. */
export function* recordsOf(entry: JournalEntry): Generator<JournalRecord> {
  const { batch, revision } = entry;
  for (const [index, fact] of batch.facts.entries()) {
    yield { fact, position: { sequence: batch.sequence, index }, time: batch.time, revision };
  }
}

/** Reads the journal backwards until it covers the retry window and everything after `through`. */
async function readTail(
  store: SequenceStore,
  series: SeriesId,
  {
    head,
    revision,
    through,
    window,
  }: { head: Head; revision: number; through: number; window: WindowLimits },
): Promise<JournalEntry[]> {
  const chunks: JournalEntry[][] = [];
  let first = head.sequence + 1;
  let keys = 0;
  while (first > 1) {
    const from = Math.max(1, first - TAIL_CHUNK);
    const chunk = await readJournal(store, series, { first: from, last: first - 1, revision });
    chunks.unshift(chunk);
    for (const { batch } of chunk) for (const fact of batch.facts) if (fact.key !== undefined) keys += 1;
    const oldest = chunk[0];
    // A shorter chunk than asked for means that the journal was pruned below it.
    if (oldest === undefined || oldest.batch.sequence > from) break;
    first = from;
    const covered = keys >= window.keysMax || oldest.batch.time < head.time - window.keyAgeMsMax;
    if (covered && first <= through + 1) break;
  }
  return chunks.flat();
}

/** Reads journal entries `first` to `last`, both inclusive, in order. */
export async function readJournal(
  store: SequenceStore,
  series: SeriesId,
  range: { first: number; last: number; revision?: number },
): Promise<JournalEntry[]> {
  const { records } = await store.range({
    series,
    from: journalKey(range.first),
    to: journalKey(range.last + 1),
    ...(range.revision === undefined ? {} : { revision: range.revision }),
  });
  return records.map(record => decodeJournalEntry(record.value, record.revision));
}

async function readPrefix(
  store: SequenceStore,
  series: SeriesId,
  prefix: string,
  revision: number,
): Promise<readonly { key: string; value: string }[]> {
  const { records } = await store.range({ series, from: prefix, to: `${prefix}\uffff`, revision });
  return records;
}

function emptyTallies(): { sequence: number; tallies: Map<string, Tally> } {
  return { sequence: 0, tallies: new Map() };
}

/**
 * Whether an error means that the stored data must not be touched by this version or this process. Stores fail with
 * a `SeqdError` only, so anything else comes from making sense of what was read.
 */
export function isFatal(error: unknown): boolean {
  if (!(error instanceof SeqdError)) return true;
  return error.code === 'unsupported_format' || error.code === 'invariant_violated';
}
