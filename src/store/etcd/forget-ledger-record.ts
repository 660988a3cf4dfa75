import type { SeriesId } from '../../core/identifiers.ts';
import { KEYS } from '../../core/records.ts';
import { projectorElection } from '../../ports/coordination.ts';
import type { EtcdConnection } from './etcd-connection.ts';
import { readFailure } from './etcd-errors.ts';
import type { EtcdKeys } from './etcd-keys.ts';

/** `in-use`: a node is elected to write to the ledger, and nothing was changed. */
export type ForgetOutcome = 'forgotten' | 'none' | 'in-use';

/**
 * Deletes the record of how far a series' ledger is, in a step that only works while nobody is elected to write to it. From then on the
 * journal waits for no ledger. Safe to repeat.
 *
 * @throws SeqdError `unavailable`
 */
export async function forgetLedgerRecord(
  connection: EtcdConnection,
  keys: EtcdKeys,
  series: SeriesId,
): Promise<ForgetOutcome> {
  const key = Buffer.from(keys.seriesRecord(series, KEYS.ledger));
  const election = Buffer.from(keys.leader(projectorElection(series)));
  const request = {
    compare: [{ key: election, target: 'Create' as const, result: 'Equal' as const, create_revision: 0 }],
    success: [{ request_delete_range: { key } }],
  };
  try {
    const { succeeded, responses } = await connection.call((client, options) =>
      client.kv.txn(request, options),
    );
    if (!succeeded) return 'in-use';
    return Number(responses[0]?.response_delete_range.deleted ?? 0) > 0 ? 'forgotten' : 'none';
  } catch (error) {
    throw readFailure(error);
  }
}
