import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { encodeJournalStart, journalKey, KEYS } from '../../src/core/records.ts';
import { EtcdConnection } from '../../src/store/etcd/etcd-connection.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';

/** Prunes a journal in etcd before a batch, as the leader does when it grows too long; of a test's it never does. */
export async function pruneJournal(
  first: number,
  { endpoints, cluster }: { readonly endpoints: readonly string[]; readonly cluster: string },
): Promise<void> {
  const key = (name: string): Buffer => Buffer.from(new EtcdKeys(cluster).seriesRecord(GLOBAL_SERIES, name));
  const connection = new EtcdConnection({ endpoints, callTimeoutMs: 5_000 });
  const success = [
    { request_delete_range: { key: key(journalKey(0)), range_end: key(journalKey(first)) } },
    { request_put: { key: key(KEYS.journalStart), value: Buffer.from(encodeJournalStart(first)) } },
  ];
  try {
    await connection.call((client, options) => client.kv.txn({ success }, options));
  } finally {
    connection.close();
  }
}
