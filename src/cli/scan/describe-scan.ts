import { type NumberRange, rangeSize } from '../../core/ranges.ts';
import { table } from '../output.ts';
import type { GroupReport, NumberingReport, ScanReport } from './numbering-scan.ts';

const EXAMPLES_SHOWN = 5;
const GROUPS_SHOWN = 50;

/** What a scan found, for people. */
export function describeScan(report: ScanReport): string[] {
  const { source, column, prefixes, groups } = report;
  const lines = [`${source}, column ${column}: ${grouped(report.rows)} rows`];
  if (report.first === null) lines.push('no numbers');
  else if (groups === undefined) lines.push(rangeOf(report), findingsOf(report));
  else lines.push(`${numberings(groups.length)} apart: ${findingsOf(report)}`, '', ...groupTable(groups));
  if (groups === undefined && prefixes.length > 0 && (prefixes.length > 1 || prefixes[0]!.prefix !== ''))
    lines.push('', ...prefixTable(report));
  return [...lines, ...describeProblems(report), conclusionOf(report)];
}

/** What is wrong with rows, with their lines. */
export function describeProblems(report: ScanReport): string[] {
  const { unit, duplicates, zeroPadded, malformed } = report;
  const lines: string[] = [];
  const list = (
    count: number,
    what: string,
    examples: readonly { line: number; value?: string; message?: string }[],
  ): void => {
    if (count === 0) return;
    const shown = examples.slice(0, EXAMPLES_SHOWN).map(({ line, value, message }) => {
      return `${unit} ${line}: ${message ?? JSON.stringify(value)}`;
    });
    const more = count > shown.length ? [`and ${grouped(count - shown.length)} more`] : [];
    lines.push(`${what} (${grouped(count)}): ${[...shown, ...more].join('; ')}`);
  };
  // The end of a file that is cut off is the last of the examples.
  list(malformed, 'not readable', report.malformedExamples.toReversed());
  if (report.unended !== null) lines.push(describeUnended(report.unended));
  for (const { mistake, rows, examples } of report.mistakes) list(rows, mistake, examples);
  list(duplicates, 'there before', report.duplicateExamples);
  list(zeroPadded, 'zero-padded, read as the number', report.zeroPaddedExamples);
  return lines.length === 0 ? [] : ['', ...lines];
}

function describeUnended({ line, value }: { line: number; value: string }): string {
  return `line ${line}: no line end follows ${JSON.stringify(value)}, so the file may be cut off there, in or after the number`;
}

function conclusionOf({ clean, cutOff, malformed, notNumbers, unended, unit }: ScanReport): string {
  if (cutOff) return `INCOMPLETE: the file is cut off in the middle of a row; ask for it again`;
  if (clean) return 'nothing was changed';
  if (malformed + notNumbers === 0 && unended !== null)
    return `PERHAPS INCOMPLETE: the file does not end with a line end; if its last line (${unended.line}) is whole, say --last-line-complete`;
  return `INCOMPLETE: ${grouped(malformed + notNumbers)} ${unit}s are not in these figures; nothing was changed`;
}

function findingsOf({ missing, missingRuns, longestRun, duplicates }: NumberingReport): string {
  const gaps =
    longestRun === null
      ? '0 missing'
      : `${grouped(missing)} missing in ${grouped(missingRuns)} ${missingRuns === 1 ? 'run' : 'runs'}, ` +
        `longest ${grouped(rangeSize(longestRun))} (${span(longestRun)})`;
  return `${gaps}, ${grouped(duplicates)} duplicates`;
}

function rangeOf({ distinct, first, last }: NumberingReport): string {
  return `${grouped(distinct)} numbers from ${first} to ${last}`;
}

function prefixTable({ prefixes }: ScanReport): string[] {
  const rows = prefixes.map(({ prefix, rows: count, first, last }) => [named(prefix), count, first, last]);
  const note =
    prefixes.length > 1
      ? [
          'they are taken for one numbering; --per-prefix takes each for itself, --prefix says which there may be',
        ]
      : [];
  return [...table([['prefix', 'rows', 'first', 'last'], ...rows]), ...note];
}

function groupTable(groups: readonly GroupReport[]): string[] {
  const header = ['prefix', 'period', 'rows', 'first', 'last', 'missing', 'runs', 'longest', 'duplicates'];
  const rows = groups
    .slice(0, GROUPS_SHOWN)
    .map(({ prefix, period, rows: count, first, last, missing, missingRuns, longestRun, duplicates }) => [
      prefix === undefined ? '' : named(prefix),
      period ?? '',
      count,
      first!,
      last!,
      missing,
      missingRuns,
      longestRun === null ? '' : `${rangeSize(longestRun)} (${span(longestRun)})`,
      duplicates,
    ]);
  const more = groups.length > rows.length ? [`and ${groups.length - rows.length} more; --json has all`] : [];
  return [...table([header, ...rows]), ...more];
}

function numberings(count: number): string {
  return count === 1 ? 'one numbering' : `${grouped(count)} numberings`;
}

function named(prefix: string): string {
  return prefix === '' ? '(none)' : prefix;
}

/** `first–last`, or the one number there is. */
export function span({ first, last }: NumberRange): string {
  return first === last ? String(first) : `${first}–${last}`;
}

/** With commas between thousands: 8,003. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
