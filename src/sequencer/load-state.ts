import { assertBalanced, type Digest } from '../core/apply.ts';
import { SeqdError } from '../core/errors.ts';
import { decodeHead, type Head, type SeriesSettings } from '../core/head.ts';
import { formatAllocationId, type SeriesId } from '../core/identifiers.ts';
import { decodePage, type Page } from '../core/page.ts';
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
import type { Reservation } from '../core/view.ts';
import type { WindowLimits } from '../core/window.ts';
import type { RangeResult, SequenceStore } from '../ports/sequence-store.ts';
import { Breather } from './breather.ts';
import type { IndexedEntry } from './journal-index.ts';
import { JournalTail } from './journal-tail.ts';

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
  /** The end of the journal as far as it was read, in order. */
  readonly entries: readonly IndexedEntry[];
  /** etcd's revision of the last batch; 0 before the first. */
  readonly revision: number;
}

/** Journal entries read at a time while going back through the retry window. */
const TAIL_CHUNK = 1000;
/** A character of a page costs as much as so many of other text. */
const PAGE_COST = 4;

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
    return { state: SeriesState.empty(options.settings, options.window), entries: [], revision: 0 };
  }
  const head = decodeHead(record.value);
  assertBalanced(head);
  const [pages, reservations, tallyRecord] = await Promise.all([
    readPrefix(store, series, KEYS.pool, revision),
    readPrefix(store, series, KEYS.reservations, revision),
    readPrefix(store, series, KEYS.tally, revision),
  ]);
  const tallied = tallyRecord[0] === undefined ? emptyTallies() : decodeTallies(tallyRecord[0].value);
  const breather = new Breather();
  const tail = new JournalTail(options.window, head.time);
  await readTail(store, series, { head, revision, tail, tallied, breather });
  const decoded = new Map<number, Page>();
  for (const { key, value } of pages) {
    const id = Number(key.slice(KEYS.pool.length));
    decoded.set(id, decodePage(id, value));
    // What a page says is one number after another.
    if (breather.isDue({ characters: value.length * PAGE_COST })) await breather.pause();
  }
  const held = new Map<string, Reservation>();
  for (const { value } of reservations) {
    const reservation = decodeReservation(value);
    held.set(formatAllocationId(reservation.position), reservation);
    if (breather.isDue({ characters: value.length, items: 1 })) await breather.pause();
  }
  const parts = { head, pages: decoded, reservations: held, tallies: tallied.tallies };
  const state = new SeriesState(parts, options.window);
  await tail.fill(state.window, head.sequence, breather);
  return { state, entries: tail.entries, revision: record.revision };
}

/** Reads the journal backwards until it covers the retry window and everything that the tallies leave out. */
async function readTail(
  store: SequenceStore,
  series: SeriesId,
  {
    head,
    revision,
    tail,
    tallied,
    breather,
  }: { head: Head; revision: number; tail: JournalTail; tallied: StoredTallies; breather: Breather },
): Promise<void> {
  const { sequence: through, tallies } = tallied;
  let first = head.sequence + 1;
  while (first > 1) {
    const from = Math.max(1, first - TAIL_CHUNK);
    const { records } = await readJournalRecords(store, series, { first: from, last: first - 1, revision });
    // Decoded one by one: all facts of a chunk at once may be more than there is memory for.
    for (const record of records.toReversed()) {
      const entry = decodeJournalEntry(record.value, record.revision);
      const { sequence, facts } = entry.batch;
      tail.addBefore(entry);
      if (sequence > through)
        for (const fact of facts) addTallyChange(tallies, fact, key => tallies.get(key));
      if (breather.isDue(costOf(entry))) await breather.pause();
    }
    // A shorter chunk than asked for means that the journal was pruned below it.
    if (records.length === 0 || tail.first! > from) break;
    first = from;
    if (tail.coversKeys && first <= through + 1) break;
  }
}

/** Reads journal entries `first` to `last`, both inclusive, in order. */
export async function readJournal(
  store: SequenceStore,
  series: SeriesId,
  range: JournalRange,
): Promise<JournalEntry[]> {
  const { records } = await readJournalRecords(store, series, range);
  const breather = new Breather();
  const entries: JournalEntry[] = [];
  for (const { value, revision } of records) {
    const entry = decodeJournalEntry(value, revision);
    entries.push(entry);
    if (breather.isDue(costOf(entry))) await breather.pause();
  }
  return entries;
}

/** What decoding an entry, or going through it, takes. */
export function costOf({ batch, text }: JournalEntry): { characters: number; items: number } {
  return { characters: text.length, items: 1 + batch.facts.length };
}

/** Batches `first` to `last`, both inclusive, at a revision. */
interface JournalRange {
  readonly first: number;
  readonly last: number;
  readonly revision?: number;
}

function readJournalRecords(
  store: SequenceStore,
  series: SeriesId,
  { first, last, revision }: JournalRange,
): Promise<RangeResult> {
  return store.range({
    series,
    from: journalKey(first),
    to: journalKey(last + 1),
    ...(revision === undefined ? {} : { revision }),
  });
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

/** Tallies as after batch `sequence`. */
interface StoredTallies {
  readonly sequence: number;
  readonly tallies: Map<string, Tally>;
}

function emptyTallies(): StoredTallies {
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
