import { createHash } from 'node:crypto';
import type { CompletenessReport } from '../../core/completeness.ts';
import { SeqdError } from '../../core/errors.ts';
import { GLOBAL_SERIES } from '../../core/identifiers.ts';
import { describeEtcdError } from '../../store/etcd/etcd-errors.ts';
import { openEtcdStore } from '../../store/etcd/open-etcd-store.ts';
import { verifySeries } from '../../verify/verify-series.ts';
import type { DemoVerification } from '../demo-run.ts';
import type { HostCluster } from '../host/messages.ts';
import type { JournalWitness } from './journal-witness.ts';
import { poll } from './poll.ts';

/** A range of the whole journal takes longer than a commit. */
const CALL_TIMEOUT_MS = 10_000;
/** Replaying a million batches takes seconds. */
const VERIFY_TIMEOUT_MS = 60_000;
const PROBLEMS_MAX = 10;

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What a verification gave. */
export interface Verified {
  readonly verification: DemoVerification;
  /** Numbers that two documents have. */
  readonly duplicates: number;
  readonly batches: number;
  /** The number that is given out next; 1 where there are none yet. */
  readonly next: number;
  /** The journal is complete from this batch on. */
  readonly journalFirst: number;
  /** Of the attempt that succeeded. */
  readonly witness: JournalWitness;
}

/**
 * Reads the whole series from etcd, past all nodes, and proves that every number is accounted for exactly once.
 * While etcd does not answer, it is asked again.
 *
 * @param createWitness makes what sees the journal; anew for each attempt
 * @throws Error when that does not succeed in a minute
 */
export async function verifyRun(
  { endpoints, cluster }: HostCluster,
  createWitness: () => JournalWitness,
): Promise<Verified> {
  const startedAtMs = performance.now();
  const limit = AbortSignal.timeout(VERIFY_TIMEOUT_MS);
  const etcd = openEtcdStore({ endpoints, cluster, callTimeoutMs: CALL_TIMEOUT_MS });
  // Whatever is being read then fails.
  const giveUp = (): void => etcd.connection.close();
  limit.addEventListener('abort', giveUp);
  let reason = 'it takes longer than a minute';
  try {
    const report = await poll(
      async () => {
        try {
          const witness = createWitness();
          const found = await verifySeries(etcd.store, GLOBAL_SERIES, digest, ({ batch }) =>
            witness.see(batch),
          );
          return { found, witness };
        } catch (error) {
          if (!(error instanceof SeqdError) || error.code !== 'unavailable') throw error;
          if (!limit.aborted && error.cause !== undefined) reason = `etcd: ${describeEtcdError(error.cause)}`;
          return undefined;
        }
      },
      { signal: limit, timeoutMs: VERIFY_TIMEOUT_MS, intervalMs: 500 },
    );
    if (report === undefined) throw new Error(reason);
    return { ...describe(report.found, performance.now() - startedAtMs), witness: report.witness };
  } catch (error) {
    throw limit.aborted ? new Error(reason, { cause: error }) : error;
  } finally {
    limit.removeEventListener('abort', giveUp);
    etcd.connection.close();
  }
}

function describe(report: CompletenessReport | null, ms: number): Omit<Verified, 'witness'> {
  if (report === null)
    return { verification: { ...NO_NUMBERS, ms }, duplicates: 0, batches: 0, next: 1, journalFirst: 1 };
  const { complete, start, next, issued, pooled, reserved, imported, missing, chain, revision } = report;
  const duplicates = report.duplicates.length;
  const problems = [
    ...(missing > 0 ? [`${missing} numbers are unaccounted for, from ${report.holes[0]?.first} on`] : []),
    ...(duplicates > 0 ? [`${duplicates} numbers have two documents: ${head(report.duplicates)}`] : []),
    ...report.problems,
  ].slice(0, PROBLEMS_MAX);
  return {
    verification: {
      complete,
      first: start,
      last: next - 1,
      issued,
      pooled,
      void: report.void,
      reserved,
      imported,
      holes: missing,
      chain,
      revision,
      problems,
      ms: Math.round(ms),
    },
    duplicates,
    batches: report.batches,
    next,
    journalFirst: report.journalFirst,
  };
}

/** A series that nobody has drawn from yet. */
const NO_NUMBERS: Omit<DemoVerification, 'ms'> = {
  complete: true,
  first: 1,
  last: 0,
  issued: 0,
  pooled: 0,
  void: 0,
  reserved: 0,
  imported: 0,
  holes: 0,
  chain: '',
  revision: 0,
  problems: [],
};

const head = (numbers: readonly number[]): string =>
  `${numbers.slice(0, 5).join(', ')}${numbers.length > 5 ? ', …' : ''}`;
