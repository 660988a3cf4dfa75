import { decodeBatch } from './batch-codec.ts';
import type { Batch } from './facts.ts';
import { assertFormat, encodeHead, STORED_FORMAT } from './head.ts';
import { formatAllocationId } from './identifiers.ts';
import { encodePage, isEmptyPage } from './page.ts';
import type { Plan } from './plan.ts';
import { flattenRanges, unflattenRanges } from './ranges.ts';
import type { Tally } from './tally.ts';
import type { Reservation, SeriesView } from './view.ts';
import { parseStored } from './stored-text.ts';

/**
 * How a series is laid out in the store, below its own prefix. Numbers in keys are padded so that keys sort as
 * numbers do.
 */
export const KEYS = {
  head: 'head',
  tally: 'tally',
  pool: 'pool/',
  reservations: 'reservations/',
  journal: 'journal/',
  journalStart: 'journal-start',
  ledger: 'ledger',
  recovery: 'recovery',
} as const;

/** Key of a journal entry. */
export function journalKey(sequence: number): string {
  return KEYS.journal + String(sequence).padStart(16, '0');
}

/** Key of a page of the gap pool. */
export function pageKey(id: number): string {
  return KEYS.pool + String(id).padStart(14, '0');
}

function reservationKey(id: string): string {
  return KEYS.reservations + id;
}

/** Records to write in one transaction. */
export interface RecordChanges {
  readonly puts: readonly { readonly key: string; readonly value: string }[];
  readonly deletes: readonly string[];
}

/**
 * The tally is written with every 64th batch only; a loader adds what the journal says since. This keeps the
 * cost of a commit independent of how many owners there are.
 */
export const TALLY_INTERVAL = 64;

/** Everything one commit writes: head, journal entry, changed pages and reservations, sometimes the tally. */
export function planRecords(plan: Plan): RecordChanges {
  const { draft, batch, text } = plan;
  const puts = [
    { key: KEYS.head, value: encodeHead(draft.head) },
    { key: journalKey(batch.sequence), value: text },
  ];
  const deletes: string[] = [];
  for (const [id, page] of draft.pages) {
    if (isEmptyPage(page)) deletes.push(pageKey(id));
    else puts.push({ key: pageKey(id), value: encodePage(id, page) });
  }
  for (const [id, reservation] of draft.reservations) {
    if (reservation === null) deletes.push(reservationKey(id));
    else puts.push({ key: reservationKey(id), value: encodeReservation(reservation) });
  }
  if (batch.sequence % TALLY_INTERVAL === 0) {
    puts.push({ key: KEYS.tally, value: encodeTallies(batch.sequence, draft) });
  }
  return { puts, deletes };
}

/** Where the journal begins after pruning, as stored. Without this record it begins with batch 1. */
export function encodeJournalStart(first: number): string {
  return JSON.stringify({ f: STORED_FORMAT, first });
}

/** The reverse of {@link encodeJournalStart}. @throws SeqdError `unsupported_format` */
export function decodeJournalStart(text: string): number {
  const stored = parseStored('journal start', text) as { f: number; first: number };
  assertFormat(stored.f, 'journal start');
  return stored.first;
}

/** A reservation as stored. */
export function encodeReservation(reservation: Reservation): string {
  return JSON.stringify({
    f: STORED_FORMAT,
    id: formatAllocationId(reservation.position),
    s: reservation.position.sequence,
    i: reservation.position.index,
    w: reservation.owner,
    u: flattenRanges(reservation.reused),
    n: reservation.fresh,
    d: reservation.deadline,
  });
}

/** The reverse of {@link encodeReservation}. @throws SeqdError `unsupported_format` */
export function decodeReservation(text: string): Reservation {
  const stored = parseStored('reservation', text) as {
    f: number;
    s: number;
    i: number;
    w: Reservation['owner'];
    u: number[];
    n: Reservation['fresh'];
    d: number;
  };
  assertFormat(stored.f, 'reservation');
  return {
    position: { sequence: stored.s, index: stored.i },
    owner: stored.w,
    reused: unflattenRanges(stored.u),
    fresh: stored.n,
    deadline: stored.d,
  };
}

/** All tallies of a view after batch `sequence`, as stored. */
export function encodeTallies(sequence: number, view: SeriesView): string {
  const tallies: Record<string, number[]> = {};
  for (const owner of view.owners()) {
    const tally = view.tally(owner)!;
    tallies[owner] = [tally.drawn, tally.issued, tally.released, tally.voided];
  }
  return JSON.stringify({ f: STORED_FORMAT, s: sequence, t: tallies });
}

/** The reverse of {@link encodeTallies}. @throws SeqdError `unsupported_format` */
export function decodeTallies(text: string): { sequence: number; tallies: Map<string, Tally> } {
  const stored = parseStored('tallies', text) as { f: number; s: number; t: Record<string, number[]> };
  assertFormat(stored.f, 'tally');
  const tallies = new Map<string, Tally>();
  for (const [owner, [drawn = 0, issued = 0, released = 0, voided = 0]] of Object.entries(stored.t)) {
    tallies.set(owner, { drawn, issued, released, voided });
  }
  return { sequence: stored.s, tallies };
}

/** A journal entry as read: the batch, its exact text (for the chain) and the revision of its commit. */
export interface JournalEntry {
  readonly batch: Batch;
  readonly text: string;
  readonly revision: number;
}

/** Decodes a stored journal entry. @throws SeqdError `unsupported_format` */
export function decodeJournalEntry(text: string, revision: number): JournalEntry {
  return { batch: decodeBatch(text), text, revision };
}
