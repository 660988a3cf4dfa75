import { createHash } from 'node:crypto';
import { importBuilt } from './built.mjs';

const CALL_TIMEOUT_MS = 10_000;

/** @typedef {import('../../src/core/completeness.ts').CompletenessReport} CompletenessReport */

/**
 * The completeness check on a live cluster, as `seqd verify` runs it.
 *
 * @param {readonly string[]} endpoints
 * @param {string} cluster
 * @returns {Promise<CompletenessReport>}
 * @throws when there is no series
 */
export async function verifyCluster(endpoints, cluster) {
  /** @type {typeof import('../../src/verify/verify-series.ts')} */
  const { verifySeries } = await importBuilt('verify/verify-series.js');
  /** @type {typeof import('../../src/store/etcd/open-etcd-store.ts')} */
  const { openEtcdStore } = await importBuilt('store/etcd/open-etcd-store.js');
  /** @type {typeof import('../../src/core/identifiers.ts')} */
  const { GLOBAL_SERIES } = await importBuilt('core/identifiers.js');
  const { store, connection } = openEtcdStore({ endpoints, cluster, callTimeoutMs: CALL_TIMEOUT_MS });
  try {
    const report = await verifySeries(store, GLOBAL_SERIES, text =>
      createHash('sha256').update(text).digest('hex'),
    );
    if (report === null) throw new Error(`there is no series in cluster ${cluster}`);
    return report;
  } finally {
    connection.close();
  }
}

/**
 * What a report says, in a line.
 *
 * @param {CompletenessReport} report
 * @returns {string}
 */
export function describeCompleteness({ complete, start, next, missing, duplicates, problems, batches }) {
  return complete
    ? `complete: every number from ${start} to ${next - 1} is accounted for exactly once (${batches} batches)`
    : `NOT COMPLETE: ${missing} missing, ${duplicates.length} used twice, ${problems.length} problems: ${problems.slice(0, 3).join('; ')}`;
}
