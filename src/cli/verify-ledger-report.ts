import type { LedgerReport } from '../verify/verify-ledger.ts';
import { table } from './output.ts';

/** The outcome of `seqd verify --ledger` for people; at most a hundred findings. */
export function describeLedgerReport(report: LedgerReport | null): string[] {
  if (report === null) return ['ledger: no batches yet'];
  const { sequence, batches, facts, rows, chain, head, behind, findings, findingCount } = report;
  const lines = [
    `ledger, up to batch ${sequence}`,
    ...table([
      ['', 'count'],
      ['batches', batches],
      ['facts', facts],
      ['rows of facts', rows],
      ['batches not in the ledger yet', behind],
      ['batches compared with the journal', report.journalCompared],
    ]).slice(1),
    `chain ${chain}`,
    report.replayed
      ? `replayed: the batches make exactly what etcd has stored at revision ${head!.revision}`
      : `NOT REPLAYED: ${head === null ? 'etcd has no such series' : 'what etcd has stored was not compared with the batches'}`,
    ...report.holes.map(
      ({ first, last, reason, actor, time }) =>
        `documented hole: batches ${first} to ${last} are missing for good, accepted by ${actor} at ${new Date(time).toISOString()}: ${reason}`,
    ),
    ...findings.map(({ detail }) => `problem: ${detail}`),
  ];
  if (findingCount > findings.length) lines.push(`and ${findingCount - findings.length} more problems`);
  lines.push(verdictOf(report));
  return lines;
}

function verdictOf({ sound, sequence, findingCount, holes }: LedgerReport): string {
  if (!sound) {
    const found = findingCount === 1 ? '1 problem' : `${findingCount} problems`;
    return `LEDGER NOT SOUND: ${found}; see above, and docs/runbook.md`;
  }
  if (sequence === 0) return 'the ledger is sound: it has no batches yet';
  if (holes.length > 0)
    return `the ledger is sound but for documented holes: all other batches up to ${sequence} are whole, untouched, and of one history with etcd`;
  return `the ledger is sound: batches 1 to ${sequence} are whole, untouched, and of one history with etcd`;
}
