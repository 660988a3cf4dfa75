import { suggest } from '../../config/suggest.ts';
import { type Position, parseAllocationId } from '../../core/identifiers.ts';
import type { NumberRange } from '../../core/ranges.ts';
import { FACT_KINDS } from '../../ledger/audit/audit-filter.ts';
import { LIFE_EVENTS_MAX } from '../../ledger/life/number-life.ts';
import { oneLine } from '../../ledger/report/report-text.ts';
import type { ReportRange } from '../../ledger/report/series-report.ts';
import type { AuditFilter, AuditOrder } from '../../ports/ledger-reader.ts';
import {
  choiceOf,
  type Fields,
  integerOf,
  type Mistake,
  refuseMistakes,
  refuseUnknown,
  show,
  textOf as boundedTextOf,
  toInteger,
} from './fields.ts';

/** Rows of a page. */
export const AUDIT_LIMIT = { default: 100, maximum: 1_000 } as const;

const TEXT_MAX = 600;
const AUDIT_FIELDS = [
  'siteId',
  'partitionId',
  'invoiceType',
  'clientId',
  'reference',
  'idempotencyKey',
  'kind',
  'from',
  'to',
  'number',
  'series',
  'order',
  'cursor',
  'limit',
  'expand',
  'format',
] as const;
const REPORT_FIELDS = ['series', 'from', 'to', 'at', 'format', 'requestedBy'] as const;
const REPORT_FORMATS = ['json', 'csv', 'html', 'text'] as const;

/** A checked question for a number's life. */
export interface LifeInput {
  readonly number: number;
  readonly after: Position | undefined;
  readonly limit: number;
}

/** A checked question for the audit trail. */
export interface AuditInput {
  readonly filter: AuditFilter;
  readonly order: AuditOrder;
  readonly cursor: string | undefined;
  readonly limit: number;
  /** Runs are cut to one number a row. */
  readonly expanded: boolean;
  /** Everything as a file, instead of a page. */
  readonly format: 'csv' | 'json' | undefined;
}

/** A checked question for a report. */
export interface ReportQuery {
  readonly range: ReportRange;
  readonly at: number | undefined;
  readonly format: (typeof REPORT_FORMATS)[number];
  readonly requestedBy: string | undefined;
}

/** Checks the path and query of `numbers/{n}`. @throws SeqdError with all mistakes in `details.errors` */
export function parseLife(path: string, fields: Fields): LifeInput {
  const mistakes: Mistake[] = [];
  refuseUnknown(fields, ['after', 'limit'], mistakes);
  const number = toInteger(path);
  if (number === undefined || number < 1 || String(number) !== path)
    mistake(
      mistakes,
      'number',
      `the number must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}, not ${show(path)}`,
    );
  const text = textOf('after', fields, mistakes);
  const after = text === undefined ? undefined : parseAllocationId(text);
  if (text !== undefined && after === undefined)
    mistake(
      mistakes,
      'after',
      `after must be the "next" of an earlier page, such as 4711-3, not ${show(text)}`,
    );
  const limit =
    integerOf('limit', fields, { minimum: 1, maximum: LIFE_EVENTS_MAX }, mistakes) ?? LIFE_EVENTS_MAX;
  refuseMistakes(mistakes);
  return { number: number!, after, limit };
}

/** Checks the query of `audit`. @param series the only one there is @throws SeqdError with all mistakes in `details.errors` */
export function parseAudit(fields: Fields, series: string): AuditInput {
  const mistakes: Mistake[] = [];
  refuseUnknown(fields, AUDIT_FIELDS, mistakes);
  refuseOtherSeries(fields, series, mistakes);
  const filter: { -readonly [K in keyof AuditFilter]: AuditFilter[K] } = {};
  for (const [field, name] of FILTER_TEXTS) {
    const value = textOf(field, fields, mistakes);
    if (value !== undefined) filter[name] = value;
  }
  const kinds = kindsOf(fields['kind'], mistakes);
  if (kinds !== undefined) filter.kinds = kinds;
  const from = timeOf('from', fields, mistakes);
  const to = timeOf('to', fields, mistakes);
  if (from !== undefined) filter.from = from.from;
  if (to !== undefined) filter.to = to.to;
  if (from !== undefined && to !== undefined && from.from >= to.to)
    mistake(mistakes, 'to', 'to must be later than from');
  const numbers = numbersOf(fields, mistakes);
  if (numbers !== undefined) filter.numbers = numbers;
  const format = choiceOf('format', fields, ['csv', 'json'] as const, mistakes);
  const order = choiceOf('order', fields, ['asc', 'desc'] as const, mistakes) ?? 'asc';
  const cursor = textOf('cursor', fields, mistakes);
  if (format !== undefined)
    for (const field of ['order', 'cursor', 'limit'])
      if (fields[field] !== undefined)
        mistake(
          mistakes,
          field,
          `${field} is for pages; with format everything is sent, in the order of the journal`,
        );
  const range = { minimum: 1, maximum: AUDIT_LIMIT.maximum };
  const limit = integerOf('limit', fields, range, mistakes) ?? AUDIT_LIMIT.default;
  const expanded = choiceOf('expand', fields, ['numbers'] as const, mistakes) !== undefined;
  refuseMistakes(mistakes);
  return { filter, order, cursor, limit, expanded, format };
}

/** Checks the query of `report`. @throws SeqdError with all mistakes in `details.errors` */
export function parseReport(fields: Fields, series: string): ReportQuery {
  const mistakes: Mistake[] = [];
  refuseUnknown(fields, REPORT_FIELDS, mistakes);
  refuseOtherSeries(fields, series, mistakes);
  const range = reportRangeOf(fields, mistakes);
  const at = integerOf('at', fields, { minimum: 1, maximum: Number.MAX_SAFE_INTEGER }, mistakes);
  const format = choiceOf('format', fields, REPORT_FORMATS, mistakes) ?? 'json';
  const requestedBy = textOf('requestedBy', fields, mistakes);
  if (requestedBy !== undefined && oneLine(requestedBy) !== requestedBy)
    mistake(mistakes, 'requestedBy', 'requestedBy must be a line of text, without control characters');
  refuseMistakes(mistakes);
  return { range, at, format, requestedBy };
}

const FILTER_TEXTS = [
  ['siteId', 'site'],
  ['partitionId', 'partition'],
  ['invoiceType', 'type'],
  ['clientId', 'client'],
  ['reference', 'reference'],
  ['idempotencyKey', 'key'],
] as const;

function refuseOtherSeries(fields: Fields, series: string, mistakes: Mistake[]): void {
  const value = textOf('series', fields, mistakes);
  if (value !== undefined && value !== series && value !== series.split('/')[1])
    mistakes.push({
      field: 'series',
      code: 'invalid_request',
      detail: `series ${show(value)} is not known; it is ${series}`,
      allowed: [series],
    });
}

/** PostgreSQL has no texts with NUL. */
function textOf(field: string, fields: Fields, mistakes: Mistake[]): string | undefined {
  const text = boundedTextOf(field, fields, { minimum: 1, maximum: TEXT_MAX }, mistakes);
  if (text === undefined || !text.includes('\0')) return text;
  mistake(mistakes, field, `${field} must be a text without NUL characters`);
  return undefined;
}

function kindsOf(value: unknown, mistakes: Mistake[]): AuditFilter['kinds'] {
  if (value === undefined) return undefined;
  const words = (Array.isArray(value) ? value : [value]).flatMap(part => String(part).split(','));
  for (const word of words) {
    if ((FACT_KINDS as readonly string[]).includes(word)) continue;
    const meant = suggest(word, FACT_KINDS);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    const detail = `kind ${show(word)} is not known${hint}; it is one of ${FACT_KINDS.join(', ')}`;
    mistakes.push({ field: 'kind', code: 'invalid_request', detail, allowed: FACT_KINDS });
    return undefined;
  }
  return [...new Set(words)] as (typeof FACT_KINDS)[number][];
}

/** `4711` or `4711-4720`. */
function numbersOf(fields: Fields, mistakes: Mistake[]): NumberRange | undefined {
  const text = textOf('number', fields, mistakes);
  if (text === undefined) return undefined;
  const [from, to, ...rest] = text.split('-');
  const first = toInteger(from);
  const last = to === undefined ? first : toInteger(to);
  if (first !== undefined && last !== undefined && rest.length === 0 && first >= 1 && last >= first)
    return { first, last };
  mistake(mistakes, 'number', `number must be a number or a range such as 4711-4720, not ${show(text)}`);
  return undefined;
}

const DATE = /^\d{4}-\d\d-\d\d$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;
const DAY_MS = 86_400_000;

/** A moment, or a day in UTC: where it begins, and where it ends (exclusive; of a moment the same). */
function parseTime(text: string): { from: number; to: number } | undefined {
  if (!DATE.test(text) && !TIMESTAMP.test(text)) return undefined;
  const time = Date.parse(text);
  // Date takes 31 April for 1 May.
  if (Number.isNaN(time) || (DATE.test(text) && new Date(time).toISOString().slice(0, 10) !== text))
    return undefined;
  return { from: time, to: DATE.test(text) ? time + DAY_MS : time };
}

const TIMES = 'a date (2026-01-31, in UTC) or a time with its zone (2026-01-31T08:00:00Z)';

function timeOf(
  field: string,
  fields: Fields,
  mistakes: Mistake[],
): { from: number; to: number } | undefined {
  const text = textOf(field, fields, mistakes);
  if (text === undefined) return undefined;
  const time = parseTime(text);
  if (time === undefined) mistake(mistakes, field, `${field} must be ${TIMES}, not ${show(text)}`);
  return time;
}

/** Both ends numbers, or both times. */
function reportRangeOf(fields: Fields, mistakes: Mistake[]): ReportRange {
  const ends = (['from', 'to'] as const).map(field => {
    const text = textOf(field, fields, mistakes);
    if (text === undefined) return undefined;
    const number = toInteger(text);
    const time = parseTime(text);
    if ((number === undefined || number < 1) && time === undefined)
      mistake(mistakes, field, `${field} must be a number from 1, or ${TIMES}, not ${show(text)}`);
    return { number, time };
  });
  const [from, to] = ends;
  if (from?.time !== undefined || to?.time !== undefined) {
    if (from?.number !== undefined || to?.number !== undefined)
      mistake(mistakes, 'to', 'from and to must both be numbers, or both be times');
    if (from?.time !== undefined && to?.time !== undefined && from.time.from >= to.time.to)
      mistake(mistakes, 'to', 'to must be later than from');
    return { by: 'time', from: from?.time?.from, to: to?.time?.to };
  }
  if (from?.number !== undefined && to?.number !== undefined && from.number > to.number)
    mistake(mistakes, 'to', 'to must not be less than from');
  return { by: 'number', first: from?.number, last: to?.number };
}

function mistake(mistakes: Mistake[], field: string, detail: string): void {
  mistakes.push({ field, code: 'invalid_request', detail });
}

/** A filter by an owner that neither the configuration nor the ledger knows is a slip, not a question. */
export function refuseUnknownOwner(
  filter: AuditFilter,
  known: Readonly<Record<'site' | 'partition' | 'type', ReadonlySet<string>>>,
): void {
  const mistakes: Mistake[] = [];
  for (const [field, name] of FILTER_TEXTS.slice(0, 3) as [string, 'site' | 'partition' | 'type'][]) {
    const value = filter[name];
    if (value === undefined || known[name].has(value)) continue;
    const meant = suggest(value, known[name]);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    const detail = `${field} ${show(value)} is not known${hint}`;
    mistakes.push({ field, code: `unknown_${name}`, detail, allowed: [...known[name]] });
  }
  refuseMistakes(mistakes);
}
