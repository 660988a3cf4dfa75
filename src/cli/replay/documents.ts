import { CsvError, parse } from 'csv-parse/sync';
import { CSV_FORMAT, type CsvRow, lineOfCsvError } from '../csv-format.ts';

/** A document header of the retailer. */
export interface ReplayDocument {
  /** As the retailer wrote it; unique in the file. */
  readonly invoiceNo: string;
  /** Local time, ISO 8601, no zone. */
  readonly invoicedAt: string;
  readonly country: string;
  readonly lineCount: number;
  readonly amountGbp: number;
  /** A cancellation takes no number: it is drawn and released at once. */
  readonly cancellation: boolean;
}

/** Something wrong in the file. */
export interface RowMistake {
  /** From 1; the header is line 1. */
  readonly line: number;
  readonly message: string;
}

/** The documents in the file's order, and all mistakes; with any of these, nothing should be sent. */
export interface ParsedDocuments {
  readonly documents: readonly ReplayDocument[];
  readonly mistakes: readonly RowMistake[];
}

const COLUMNS = ['invoice_no', 'invoiced_at', 'country', 'line_count', 'amount_gbp'] as const;

/** Reads and checks the whole file. Columns may come in any order; others than ours are a mistake. */
export function parseDocuments(csv: string): ParsedDocuments {
  let rows: CsvRow[];
  try {
    rows = parse(csv, CSV_FORMAT) as unknown as CsvRow[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { documents: [], mistakes: [{ line: lineOfCsvError(error), message: error.message }] };
  }
  const [header, ...body] = rows;
  const mistakes = checkHeader(header);
  if (mistakes.length > 0) return { documents: [], mistakes };
  return parseRows(header!.record, body);
}

function checkHeader(header: CsvRow | undefined): RowMistake[] {
  if (header === undefined)
    return [{ line: 1, message: `the file is empty; expected the columns ${COLUMNS.join(',')}` }];
  const names = header.record;
  const unknown = names.filter(name => !(COLUMNS as readonly string[]).includes(name));
  const missing = COLUMNS.filter(name => !names.includes(name));
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  const problems = [
    ...(missing.length > 0 ? [`missing columns: ${missing.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`unknown columns: ${unknown.join(', ')}`] : []),
    ...(repeated.length > 0 ? [`repeated columns: ${repeated.join(', ')}`] : []),
  ];
  return problems.map(message => ({ line: header.info.lines, message }));
}

function parseRows(header: readonly string[], rows: readonly CsvRow[]): ParsedDocuments {
  const documents: ReplayDocument[] = [];
  const mistakes: RowMistake[] = [];
  const seen = new Map<string, number>();
  for (const { record, info } of rows) {
    const line = info.lines;
    const problems: string[] = [];
    const document = record.length === header.length ? parseRow(header, record, problems) : undefined;
    if (document === undefined) problems.push(`expected ${header.length} fields, found ${record.length}`);
    else {
      const before = seen.get(document.invoiceNo);
      if (before !== undefined)
        problems.push(`invoice_no ${document.invoiceNo} was used on line ${before} already`);
      else seen.set(document.invoiceNo, line);
      documents.push(document);
    }
    mistakes.push(...problems.map(message => ({ line, message })));
  }
  return { documents, mistakes };
}

function parseRow(header: readonly string[], record: readonly string[], problems: string[]): ReplayDocument {
  const field = (name: (typeof COLUMNS)[number]): string => record[header.indexOf(name)]!.trim();
  const refuse = (name: (typeof COLUMNS)[number], allowed: string): void => {
    problems.push(`${name} must be ${allowed}, not ${JSON.stringify(field(name))}`);
  };
  const invoiceNo = field('invoice_no');
  const invoicedAt = field('invoiced_at');
  const country = field('country');
  const lineCount = field('line_count');
  const amount = field('amount_gbp');
  if (!/^[A-Z]?\d{1,15}$/.test(invoiceNo))
    refuse('invoice_no', 'a number, of a cancellation with C before it');
  if (!isLocalTime(invoicedAt)) refuse('invoiced_at', 'a local time like 2010-12-01T08:26:00');
  if (country === '' || country.length > 100) refuse('country', 'a name of 1 to 100 characters');
  if (!/^[1-9]\d{0,8}$/.test(lineCount)) refuse('line_count', 'a whole number from 1');
  if (!/^-?\d{1,12}(\.\d{1,2})?$/.test(amount)) refuse('amount_gbp', 'an amount like 139.12');
  return {
    invoiceNo,
    invoicedAt,
    country,
    lineCount: Number(lineCount),
    amountGbp: Number(amount),
    cancellation: invoiceNo.startsWith('C'),
  };
}

/** Refuses what looks like a time but is none, such as 30 February. */
function isLocalTime(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/.test(text)) return false;
  const time = new Date(`${text}Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}
