import { SeqdError } from '../../core/errors.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import { readJournal } from '../../sequencer/load-state.ts';
import type { SeriesStanding } from '../series-standing.ts';
import { type RecoveryReport, recoveryReport } from './recovery-report.ts';
import type { RecoveryDependencies, RecoveryRequest } from './recovery-request.ts';

/**
 * Whether batches are in neither the ledger nor the journal: the ledger was restored from a backup, or it was given up and has come
 * back after the journal was pruned. A ledger that is new to a series lacks nothing that it ever had.
 */
export function lacksBatches({ status, ledger }: SeriesStanding): boolean {
  return status === 'ledger-lost' || (status === 'ledger-new' && ledger.sequence > 0);
}

/**
 * Lets a ledger that lacks batches go on after them, and documents that.
 *
 * @throws SeqdError `behind_ledger` unless that is accepted; `unavailable` when the journal is pruned meanwhile
 */
export async function skipHole(
  series: SeriesId,
  standing: SeriesStanding,
  {
    request: { acceptHole, dryRun, actor },
    deps,
    isCounterSafe,
  }: {
    readonly request: RecoveryRequest;
    readonly deps: RecoveryDependencies;
    /** Whether etcd has all that was handed out. */
    readonly isCounterSafe: boolean;
  },
): Promise<RecoveryReport> {
  const { status, ledger, journalFirst, head } = standing;
  const lost = { first: ledger.sequence + 1, last: journalFirst - 1 };
  if (!acceptHole) {
    const newer =
      status === 'ledger-lost'
        ? 'restore a newer backup of PostgreSQL, and serving goes on by itself. If there is none, '
        : '';
    const [danger, then] = isCounterSafe
      ? ['No number is in danger, and etcd knows the state of each, but', '']
      : ['The counter has to be raised, as etcd was set back; besides,', ', and raises the counter'];
    throw new SeqdError(
      'behind_ledger',
      `The ledger ends with batch ${ledger.sequence} and the journal in etcd begins with ${journalFirst}: batches ${lost.first} to ${lost.last} are in ` +
        `neither. ${danger} the record of those is lost: ${newer}` +
        `"seqd recover --accept-hole --yes" goes on without them${then}; every "seqd verify --ledger" will name them`,
    );
  }
  const next = head?.next ?? 0;
  if (dryRun) return recoveryReport('planned', standing, { lost, next });
  const [first] = await readJournal(deps.store, series, { first: journalFirst, last: journalFirst });
  if (first === undefined)
    throw new SeqdError('unavailable', 'The journal has just been pruned; run it again');
  const { previous: chain, next: counter } = first.batch;
  const why =
    status === 'ledger-lost'
      ? `PostgreSQL was restored from a backup that ends with batch ${ledger.sequence}, and the journal began with ${journalFirst} by then`
      : `the ledger was given up after batch ${ledger.sequence}, and when it was given back the journal began with ${journalFirst}`;
  await deps.ledger.skipTo(series, { sequence: lost.last, chain, next: counter }, { reason: why, actor });
  deps.say(
    `the ledger goes on with batch ${journalFirst}; batches ${lost.first} to ${lost.last} are lost for good`,
  );
  return recoveryReport('recovered', standing, { lost, next });
}
