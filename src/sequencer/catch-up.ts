import type { SeqdError } from '../core/errors.ts';
import { decodeHead } from '../core/head.ts';
import type { SeriesId } from '../core/identifiers.ts';
import { KEYS } from '../core/records.ts';
import type { SeriesState } from '../core/state.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import type { FlightLine } from './flight-line.ts';

/** The lane that is to be as new as the store. */
export interface CatchUpLane {
  readonly isReady: boolean;
  /** `undefined` before anything was read. */
  readonly committed: SeriesState | undefined;
  /** The stored text of its head. */
  readonly headText: string | null;
  readonly line: FlightLine;
  /** Reads what others have committed. Never rejects. */
  recover(): Promise<void>;
  /** Why that came to nothing, if it did. */
  unread(): SeqdError | undefined;
}

/**
 * Makes what a lane knows at least as new as the store was when this was called.
 *
 * @throws SeqdError `unavailable`, or why the lane serves no more
 */
export async function catchUp(lane: CatchUpLane, store: SequenceStore, series: SeriesId): Promise<void> {
  const before = lane.committed;
  const known = before?.head.sequence ?? 0;
  const { record } = await store.read(series, KEYS.head);
  // A recovery that had begun before may end below that head.
  while (!(await hasReached(lane, record?.value ?? null, known))) {
    await lane.recover();
    const unread = lane.unread();
    if (unread !== undefined) throw unread;
    // Loaded anew, perhaps after a recovery with fewer batches than were known.
    if (before !== undefined && lane.committed !== before) return catchUp(lane, store, series);
  }
}

/** Whether the state is as new as a head just read, waiting for commits of ours that are in it. */
async function hasReached(lane: CatchUpLane, text: string | null, known: number): Promise<boolean> {
  const sequence = text === null ? 0 : decodeHead(text).sequence;
  while (lane.isReady && lane.committed!.head.sequence < sequence && lane.line.makes(text))
    await lane.line.whenLanded();
  if (!lane.isReady) return false;
  // A head below what we knew before we asked, or another of the same sequence, is no history of ours.
  const now = lane.committed!.head.sequence;
  return sequence === now ? text === lane.headText : sequence < now && sequence >= known;
}
