import type { CompletenessReport } from '../core/completeness.ts';
import { type NumberRange, rangeSize } from '../core/ranges.ts';
import { table } from './output.ts';

const RUNS_SHOWN = 10;

/** The outcome of `seqd verify` for people. Its length does not depend on how many numbers there are. */
export function describeReport(
  report: CompletenessReport,
  { series, cluster }: { readonly series: string; readonly cluster: string },
): string[] {
  const { numbers, issued, reserved, pooled, missing, holes, duplicates, problems } = report;
  const lines = [
    `series ${series} in cluster ${cluster}, revision ${report.revision}`,
    ...table([
      ['', 'numbers'],
      ['drawn', numbers],
      ['issued', issued],
      ['in the pool', pooled],
      ['reserved', reserved],
      ['void', report.void],
      ...(report.imported === 0 ? [] : [['imported', report.imported]]),
      ['holes', missing],
      ['duplicates', duplicates.length],
    ]).slice(1),
    `journal: ${report.batches} batches, ${report.facts} facts, chain ${report.chain.slice(0, 16)}`,
  ];
  if (report.journalFirst > 1)
    lines.push(
      `pruned: the journal begins with batch ${report.journalFirst}; for ${report.witnessedByStateOnly} numbers that ` +
        'it does not mention the stored state is the only witness',
    );
  if (report.openImport !== null) {
    const { first, last } = report.openImport;
    lines.push(
      `import under way: of ${first} to ${last} it is not yet said which were gaps; run seqd import again`,
    );
  }
  if (holes.length > 0) lines.push(`missing: ${shorten(holes, describeRange)}`);
  if (duplicates.length > 0) lines.push(`used twice: ${shorten(duplicates, String)}`);
  for (const problem of problems) lines.push(`problem: ${problem}`);
  lines.push(conclusionOf(report));
  return lines;
}

function conclusionOf({ complete, numbers, start, next }: CompletenessReport): string {
  if (!complete) return 'NOT COMPLETE: see above, and docs/runbook.md';
  if (numbers === 0) return `complete: no numbers yet, the first will be ${next}`;
  return `complete: every number from ${start} to ${next - 1} is accounted for exactly once`;
}

function describeRange(range: NumberRange): string {
  return rangeSize(range) === 1 ? String(range.first) : `${range.first}–${range.last}`;
}

function shorten<Item>(items: readonly Item[], describe: (item: Item) => string): string {
  const shown = items.slice(0, RUNS_SHOWN).map(describe).join(', ');
  const rest = items.length - RUNS_SHOWN;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
