import { table } from '../output.ts';
import type { ReplayEnd } from './run-replay.ts';
import type { ReplayTally, SeriesMark } from './tally.ts';

/** What a replay did; the document of `--json`. */
export interface ReplaySummary {
  readonly end: ReplayEnd;
  readonly file: string;
  readonly prefix: string;
  /** In the file, after `--limit`. */
  readonly documents: number;
  /** Answered or failed; the rest was not sent. */
  readonly sent: number;
  /** Distinct numbers that stayed issued. */
  readonly kept: number;
  readonly lowestKept: number | null;
  readonly highestKept: number | null;
  readonly suppressed: number;
  readonly reused: number;
  readonly replayed: number;
  readonly recovered: number;
  readonly retries: number;
  readonly failed: number;
  readonly failures: readonly { readonly invoiceNo: string; readonly reason: string }[];
  readonly duplicates: number;
  readonly durationMs: number;
  readonly documentsPerSecond: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  /** Answers by node. */
  readonly byNode: Readonly<Record<string, number>>;
}

/** Sums a replay up. */
export function summarize(
  tally: ReplayTally,
  facts: Pick<ReplaySummary, 'end' | 'file' | 'prefix' | 'documents' | 'retries' | 'durationMs'>,
  seriesEnd: SeriesMark,
): ReplaySummary {
  const range = tally.keptRange();
  const { done, failed, failures, suppressed, reused, replayed, recovered } = tally;
  return {
    ...facts,
    sent: done,
    kept: tally.keptNumbers,
    lowestKept: range?.first ?? null,
    highestKept: range?.last ?? null,
    suppressed,
    reused,
    replayed,
    recovered,
    failed,
    failures,
    duplicates: tally.duplicates(seriesEnd),
    documentsPerSecond: facts.durationMs > 0 ? Math.round((done * 10_000) / facts.durationMs) / 10 : 0,
    latencyMs: tally.latencyMs(),
    byNode: Object.fromEntries([...tally.byNode].sort(([a], [b]) => a.localeCompare(b))),
  };
}

const ENDS: Readonly<Record<ReplayEnd, string>> = {
  complete: 'complete',
  interrupted: 'interrupted; run it again to go on, nothing is numbered twice',
  unavailable: 'given up, no server answers; run it again to go on, nothing is numbered twice',
};

/** The summary for people. */
export function describeSummary(summary: ReplaySummary): string[] {
  const { latencyMs, failures, failed } = summary;
  const ms = (value: number): string => value.toFixed(1);
  const lines = table([
    ['replay', ENDS[summary.end]],
    [
      'documents',
      `${summary.documents}${summary.sent === summary.documents ? '' : ` (${summary.sent} sent)`}`,
    ],
    ['kept numbers', `${summary.kept}`],
    ['  lowest, highest', `${summary.lowestKept ?? '-'}, ${summary.highestKept ?? '-'}`],
    ['suppressed', `${summary.suppressed} (drawn and released at once)`],
    ['reused', `${summary.reused} (drawn from the gap pool)`],
    ['replayed', `${summary.replayed} (done by an earlier run)`],
    ['recovered', `${summary.recovered} (a first answer was lost)`],
    ['retried requests', `${summary.retries}`],
    ['failed documents', `${failed}`],
    ['duplicates', `${summary.duplicates}${summary.duplicates === 0 ? '' : ' (must be 0; run seqd verify)'}`],
    ['speed', `${summary.documentsPerSecond} documents/s for ${(summary.durationMs / 1_000).toFixed(1)} s`],
    [
      'latency',
      `p50 ${ms(latencyMs.p50)}, p95 ${ms(latencyMs.p95)}, p99 ${ms(latencyMs.p99)}, max ${ms(latencyMs.max)} ms`,
    ],
    ...Object.entries(summary.byNode).map(([node, count]) => [`  ${node}`, `${count} answers`]),
  ]);
  if (failed === 0) return lines;
  const more = failed > failures.length ? [`  and ${failed - failures.length} more`] : [];
  return [
    ...lines,
    '',
    'Failed:',
    ...failures.map(({ invoiceNo, reason }) => `  ${invoiceNo}: ${reason}`),
    ...more,
  ];
}
