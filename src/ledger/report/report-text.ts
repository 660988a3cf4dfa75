import type { NumberRange } from '../../core/ranges.ts';
import { csvRecord } from '../csv.ts';
import type { SeriesReport } from './series-report.ts';

const RUNS_SHOWN = 10;

/** A label and what it says; the rows that every form of the report has. */
export function reportFigures(report: SeriesReport): [label: string, value: number][] {
  return [
    ['numbers', report.numbers],
    ['issued', report.issued],
    ['reserved', report.reserved],
    ['in the gap pool', report.pooled],
    ['void', report.void],
    ['imported', report.imported],
    ['missing', report.missing],
    ['drawn twice', report.drawnTwice],
  ];
}

/** What the report is about and rests on, as label and value of a line each. */
export function reportFacts(report: SeriesReport): [label: string, value: string][] {
  const { journal, ledger } = report;
  const facts: [string, string][] = [
    ['series', report.series],
    ['cluster', report.cluster],
    ['numbers from – to', report.from === null ? 'none were drawn' : `${report.from} – ${report.to}`],
    ['next number', String(report.next)],
    ['etcd revision', String(report.revision)],
    ['last batch', `${journal.batch}${journal.at === null ? '' : `, ${journal.at}`}`],
    ['chain hash of that batch', journal.chain],
    ['ledger', describeLedger(ledger)],
    ['made', `${report.madeAt} by ${report.madeBy}`],
  ];
  if (report.requestedBy !== null) facts.push(['requested by', report.requestedBy]);
  if (report.witnessedByStateOnly > 0)
    facts.push([
      'witnessed by etcd’s state only',
      `${report.witnessedByStateOnly} numbers: the journal begins with batch ${journal.first}`,
    ]);
  for (const { period, first, last, numbers } of report.lostHistories)
    facts.push([
      'lost history',
      `${period}, batches ${first} – ${last}, ${numbers === null ? 'no numbers of this range' : `numbers ${numbers.first} – ${numbers.last}`}`,
    ]);
  return facts.map(([label, value]) => [label, oneLine(value)]);
}

/** The report's one sentence. */
export function conclusionOf(report: SeriesReport): string {
  const { complete, from, to, missing, drawnTwice, problems } = report;
  if (from === null && complete) return 'COMPLETE: no number of this range was drawn yet';
  if (complete) return `COMPLETE: every number from ${from} to ${to} is accounted for exactly once`;
  const reasons = [
    ...(missing > 0 ? [`${missing} missing`] : []),
    ...(drawnTwice > 0 ? [`${drawnTwice} drawn twice`] : []),
    ...(problems.length > 0 ? [`${problems.length} problems`] : []),
  ];
  return `NOT COMPLETE: ${reasons.join(', ')}`;
}

/** The report as plain text, a line each. */
export function reportText(report: SeriesReport): string[] {
  const facts = reportFacts(report);
  const figures = reportFigures(report);
  const width = Math.max(...[...facts, ...figures].map(([label]) => label.length));
  const digits = Math.max(...figures.map(([, value]) => String(value).length));
  const lines = ['Completeness report', ''];
  for (const [label, value] of facts) lines.push(`${label.padEnd(width)}  ${value}`);
  lines.push('');
  for (const [label, value] of figures)
    lines.push(`${label.padEnd(width)}  ${String(value).padStart(digits)}`);
  if (report.voidReasons.length > 0) lines.push('', 'void, by reason');
  for (const { reason, numbers, runs, ranges } of report.voidReasons)
    lines.push(
      `  ${oneLine(reason)}: ${numbers} in ${runs} ${plural(runs, 'run')}: ${describeRanges(ranges, runs)}`,
    );
  if (report.missingRanges.length > 0)
    lines.push('', `missing: ${describeRanges(report.missingRanges, report.missingRanges.length)}`);
  if (report.problems.length > 0)
    lines.push('', ...report.problems.map(problem => `problem: ${oneLine(problem)}`));
  lines.push('', conclusionOf(report));
  return lines;
}

/** The report as CSV: a line each of section, item, value, first and last number. */
export function reportCsv(report: SeriesReport): string {
  const records: (string | number | null)[][] = [['section', 'item', 'value', 'first', 'last']];
  records.push(['result', 'complete', String(report.complete), report.from, report.to]);
  for (const [label, value] of reportFacts(report)) records.push(['about', label, value, null, null]);
  for (const [label, value] of reportFigures(report)) records.push(['count', label, value, null, null]);
  for (const { reason: text, numbers, ranges } of report.voidReasons) {
    const reason = oneLine(text);
    records.push(['void', reason, numbers, null, null]);
    for (const { first, last } of ranges) records.push(['void run', reason, last - first + 1, first, last]);
  }
  for (const { first, last } of report.missingRanges)
    records.push(['missing run', null, last - first + 1, first, last]);
  for (const problem of report.problems) records.push(['problem', oneLine(problem), null, null, null]);
  records.push(['conclusion', conclusionOf(report), null, null, null]);
  return records.map(record => `${csvRecord(record)}\r\n`).join('');
}

/** Ranges as `1, 4–7 and 12 more`. @param count how many there are in all */
export function describeRanges(ranges: readonly NumberRange[], count: number, shown = RUNS_SHOWN): string {
  const texts = ranges
    .slice(0, shown)
    .map(({ first, last }) => (first === last ? String(first) : `${first}–${last}`));
  const rest = count - texts.length;
  return rest > 0 ? `${texts.join(', ')} and ${rest} more` : texts.join(', ');
}

function describeLedger(ledger: SeriesReport['ledger']): string {
  if (ledger === null) return 'none: etcd and its journal are the only witnesses';
  const { batch, tail, chainAgrees } = ledger;
  const rest = tail === 0 ? '' : `, ${tail} later ${plural(tail, 'batch')} from etcd’s journal`;
  return `up to batch ${batch}${rest}; its chain ${chainAgrees ? 'agrees' : 'DOES NOT AGREE'}`;
}

function plural(count: number, word: string): string {
  if (count === 1) return word;
  return word.endsWith('ch') ? `${word}es` : `${word}s`;
}

/** Reasons and names are texts of clients: one of them must not forge a line, nor steer a terminal, nor turn text around. */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu, '\uFFFD');
}
