import { assertFormat, STORED_FORMAT } from './head.ts';
import { flattenRanges, type RangeSet, rangesInclude, unflattenRanges } from './ranges.ts';
import { parseStored } from './stored-text.ts';

/**
 * That a series was brought back after a restore, as `seqd recover` leaves it in the store. From `begun` to `done` nothing is
 * issued; `done` is written in the commit that raises the counter.
 */
export interface RecoveryRecord {
  readonly state: 'begun' | 'done';
  /** Where the history stood that was found in the store: what came after was replayed. */
  readonly foundSequence: number;
  /** The last batch when it was done; 0 until then. */
  readonly sequence: number;
  /** Done: all numbers below are in this history, or void. Begun: all that were issued, as far as is known, are below. */
  readonly next: number;
  /**
   * Batches that came back from the ledger, in this and earlier recoveries, ascending: they have been committed anew, under revisions of etcd
   * that are not those in the ledger.
   */
  readonly replayed: RangeSet;
  /** Unix milliseconds. */
  readonly time: number;
  readonly actor: string;
}

/** Whether a batch was committed anew by a recovery. */
export function wasReplayed(record: RecoveryRecord | null, sequence: number): boolean {
  return record !== null && rangesInclude(record.replayed, sequence);
}

/** The record as stored. */
export function encodeRecoveryRecord(record: RecoveryRecord): string {
  const { state, foundSequence, sequence, next, replayed, time, actor } = record;
  const ranges = flattenRanges(replayed);
  return JSON.stringify({
    f: STORED_FORMAT,
    state,
    found: foundSequence,
    sequence,
    next,
    replayed: ranges,
    time,
    actor,
  });
}

/** The reverse of {@link encodeRecoveryRecord}. @throws SeqdError `unsupported_format` */
export function decodeRecoveryRecord(text: string): RecoveryRecord {
  const stored = parseStored('recovery', text) as Omit<RecoveryRecord, 'foundSequence' | 'replayed'> & {
    f: number;
    found: number;
    replayed: number[];
  };
  assertFormat(stored.f, 'recovery');
  const { state, found: foundSequence, sequence, next, replayed, time, actor } = stored;
  return { state, foundSequence, sequence, next, replayed: unflattenRanges(replayed), time, actor };
}
