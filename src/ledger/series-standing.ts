import type { Digest } from '../core/apply.ts';
import { decodeBatch } from '../core/batch-codec.ts';
import { decodeHead, GENESIS_CHAIN, type Head } from '../core/head.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import { decodeLedgerRecord, type LedgerRecord } from '../core/ledger-record.ts';
import { decodeJournalStart, journalKey, KEYS } from '../core/records.ts';
import { decodeRecoveryRecord, type RecoveryRecord } from '../core/recovery-record.ts';
import { EPOCH_CLOSED, type LedgerStanding } from '../ports/ledger.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';

/**
 * How a series in etcd and in the ledger stand to each other.
 * - `agrees`: the ledger holds the history of etcd's head, as far as it has got.
 * - `etcd-behind`: the ledger holds batches that etcd has not; etcd was restored from a backup, or is another one.
 * - `etcd-rewound`: the same batches, but the ledger has heard of a later revision of etcd than it has: restored, too.
 * - `forked`: both hold a batch of the same sequence that is not the same.
 * - `ledger-lost`: the ledger once held batches that it and the journal have no more: the ledger was restored.
 * - `ledger-new`: the journal begins after where the ledger ends, and always did: a ledger given to a series that had been pruned.
 */
export type StandingStatus =
  'agrees' | 'etcd-behind' | 'etcd-rewound' | 'forked' | 'ledger-lost' | 'ledger-new';

/** The result of one comparison. */
export interface SeriesStanding {
  readonly status: StandingStatus;
  /** In etcd; `null` when it has no batch. */
  readonly head: Head | null;
  readonly ledger: LedgerStanding;
  /** Where the journal in etcd begins. */
  readonly journalFirst: number;
  /** What the projector published in etcd. */
  readonly record: LedgerRecord | null;
  readonly recovery: RecoveryRecord | null;
  /** etcd's revision when the head was read. */
  readonly revision: number;
}

/**
 * Compares a series in etcd with the ledger. Reads only.
 *
 * @param ledger where it stands, read *before* this is called: what is read from etcd then is at least as new
 * @throws SeqdError `unavailable`, `unsupported_format`
 */
export async function compareWithLedger(
  store: SequenceStore,
  series: SeriesId,
  { ledger, digest }: { ledger: LedgerStanding; digest: Digest },
): Promise<SeriesStanding> {
  const { record: headRecord, revision } = await store.read(series, KEYS.head);
  const head = headRecord === null ? null : decodeHead(headRecord.value);
  const at = async (key: string): Promise<string | undefined> =>
    (await store.range({ series, from: key, to: `${key}\0`, revision })).records[0]?.value;
  const [start, published, entry, following] = await Promise.all([
    at(KEYS.journalStart),
    at(KEYS.ledger),
    at(journalKey(ledger.sequence)),
    at(journalKey(ledger.sequence + 1)),
  ]);
  // After the head: a recovery that has moved the head by then had said before that it begins.
  const { record: recoveryRecord } = await store.read(series, KEYS.recovery);
  const facts = {
    head,
    ledger,
    journalFirst: start === undefined ? 1 : decodeJournalStart(start),
    record: published === undefined ? null : decodeLedgerRecord(published),
    recovery: recoveryRecord === null ? null : decodeRecoveryRecord(recoveryRecord.value),
    revision,
  };
  const chain = chainInEtcd(head, ledger.sequence, { entry, following, digest });
  return { status: judge(facts, chain), ...facts };
}

/** Hash of batch `sequence` as etcd tells it; `undefined` when it tells no more. */
function chainInEtcd(
  head: Head | null,
  sequence: number,
  { entry, following, digest }: { entry: string | undefined; following: string | undefined; digest: Digest },
): string | undefined {
  if (sequence === 0) return GENESIS_CHAIN;
  if (head?.sequence === sequence) return head.chain;
  if (entry !== undefined) return digest(entry);
  // Its own entry may be pruned; the next one names it.
  return following === undefined ? undefined : decodeBatch(following).previous;
}

function judge(facts: Omit<SeriesStanding, 'status'>, chain: string | undefined): StandingStatus {
  const { head, ledger, record, journalFirst, revision } = facts;
  if (ledger.sequence > (head?.sequence ?? 0)) return 'etcd-behind';
  if (chain !== undefined && chain !== ledger.chain) return 'forked';
  if (ledger.epoch > revision) return 'etcd-rewound';
  if (ledger.sequence + 1 >= journalFirst) return 'agrees';
  // Nothing is pruned that the ledger does not have, once there is one.
  return (record?.sequence ?? 0) > ledger.sequence ? 'ledger-lost' : 'ledger-new';
}

/** What a standing means and what is to be done, for people; `undefined` when the series may be served. */
export function explainStanding(series: SeriesId, standing: SeriesStanding): string | undefined {
  const { status, head, ledger, journalFirst, recovery, revision } = standing;
  const name = seriesName(series);
  const inEtcd = `batch ${head?.sequence ?? 0} (next number ${head?.next ?? 'none'})`;
  const inLedger = `batch ${ledger.sequence} (next number ${ledger.next})`;
  const nothing = 'No number is issued or released';
  if (recovery?.state === 'begun' || ledger.epoch === EPOCH_CLOSED)
    return `A recovery of ${name} has begun and is not done. ${nothing} until "seqd recover --yes" has been run to its end`;
  switch (status) {
    case 'agrees':
    case 'ledger-new':
      return undefined;
    case 'etcd-behind':
      return (
        `etcd is behind the ledger: ${name} ends with ${inEtcd} in etcd and with ${inLedger} in the ledger, so etcd was restored from an ` +
        `older backup, or is another one. ${nothing} until "seqd recover --yes" has brought the lost batches back and raised the counter`
      );
    case 'etcd-rewound':
      return (
        `etcd has gone back: its revision is ${revision}, and the ledger of ${name} was written under revision ${ledger.epoch}, so etcd was ` +
        `restored from a backup. ${nothing} until "seqd recover --yes" has raised the counter above what may have been issued since`
      );
    case 'forked':
      return (
        `etcd and the ledger hold different histories of ${name}: in etcd it ends with ${inEtcd}, in the ledger with ${inLedger}, and batch ` +
        `${Math.min(ledger.sequence, head?.sequence ?? 0)} is not the same in both. ${nothing} until "seqd recover" has shown which numbers were ` +
        `issued in both and "seqd recover --keep-both --yes" has raised the counter above them`
      );
    case 'ledger-lost':
      return (
        `The ledger is behind the journal: ${name} ends with ${inLedger} in the ledger, and the journal in etcd begins with batch ` +
        `${journalFirst}, so PostgreSQL was restored from a backup that is too old. ${nothing} until a newer backup of PostgreSQL is ` +
        `restored, and then goes on by itself; "seqd recover" says what can be done without one`
      );
  }
}

/** Where etcd stood when the recovery that is under way began, however often it was interrupted since; without one, where it stands. */
export function foundSequence({ head, recovery }: Pick<SeriesStanding, 'head' | 'recovery'>): number {
  return recovery?.state === 'begun' ? recovery.foundSequence : (head?.sequence ?? 0);
}
