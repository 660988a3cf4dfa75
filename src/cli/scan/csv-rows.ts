import { createReadStream } from 'node:fs';
import { type CsvError, type Parser, parse } from 'csv-parse';
import { usageError } from '../cli-error.ts';
import { CSV_FORMAT, type CsvRow, lineOfCsvError } from '../csv-format.ts';
import { findColumn } from './find-column.ts';
import type { ColumnChoice, MalformedRow, NumberRow, RowSource } from './rows.ts';

/** A row of more bytes than this is a stray quote. */
const ROW_BYTES_MAX = 1_048_576;

/** A CSV file with a header, read as a stream. */
export class CsvRows implements RowSource {
  readonly unit = 'line';
  readonly name: string;
  readonly column: string;
  private readonly choice: ColumnChoice;
  private readonly delimiter: string;

  constructor(path: string, choice: ColumnChoice, delimiter = ',') {
    this.name = path;
    this.column = choice.column;
    this.choice = choice;
    this.delimiter = delimiter;
  }

  async *rows(): AsyncGenerator<NumberRow | MalformedRow> {
    const file = createReadStream(this.name);
    let lastByte: number | undefined;
    file.on('data', chunk => {
      lastByte = (chunk as Buffer).at(-1);
    });
    // An error that ended the parser would take the rows before it along.
    const skipped: CsvError[] = [];
    let strayQuote = false;
    const named = (error: CsvError): MalformedRow => {
      const row = malformedBy(error, strayQuote);
      strayQuote ||= error.code !== 'CSV_QUOTE_NOT_CLOSED';
      return row;
    };
    const parser = parse({
      ...CSV_FORMAT,
      delimiter: this.delimiter,
      max_record_size: ROW_BYTES_MAX,
      skip_records_with_error: true,
      on_skip: error => {
        if (error !== undefined) skipped.push(error);
      },
    });
    file.on('error', error => parser.destroy(error));
    file.pipe(parser);
    try {
      const endsWithLine = (): boolean => lastByte === undefined || lastByte === 0x0a || lastByte === 0x0d;
      for await (const row of this.read(parser, endsWithLine)) {
        yield row;
        yield* skipped.splice(0).map(named);
      }
      yield* skipped.splice(0).map(named);
    } catch (error) {
      if (error instanceof Error && 'syscall' in error)
        throw usageError(`cannot read the file: ${error.message}`);
      else throw error;
    } finally {
      file.destroy();
      parser.destroy();
    }
  }

  /** A row behind, because only the last one may be cut off. */
  private async *read(parser: Parser, endsWithLine: () => boolean): AsyncGenerator<NumberRow | MalformedRow> {
    let columns: { readonly count: number; readonly number: number; readonly period: number } | undefined;
    let before: NumberRow | MalformedRow | undefined;
    for await (const { record, info } of parser as AsyncIterable<CsvRow>) {
      if (columns === undefined) {
        const { column, period } = this.choice;
        columns = {
          count: record.length,
          number: findColumn(column, record),
          period: period === undefined ? -1 : findColumn(period, record),
        };
        continue;
      }
      if (before !== undefined) yield before;
      if (record.length !== columns.count) {
        before = {
          line: info.lines,
          malformed: `expected ${columns.count} fields, found ${record.length}`,
        };
      } else {
        const row = { line: info.lines, value: record[columns.number]! };
        before = columns.period < 0 ? row : { ...row, period: record[columns.period]!.trim() };
      }
    }
    if (columns === undefined) throw usageError('the file has no line with the names of its columns');
    if (before === undefined) return;
    if (endsWithLine()) yield before;
    // Cut off inside its last field, a row looks like any other: 5551 of 555150.
    else if (!('malformed' in before)) yield { ...before, unended: true };
    else yield { ...before, malformed: `the file is cut off in this row: ${before.malformed}`, cutOff: true };
  }
}

/** @param strayQuote after one the file may well end inside quotes without being cut off */
function malformedBy(error: CsvError, strayQuote: boolean): MalformedRow {
  const line = lineOfCsvError(error);
  if (error.code === 'CSV_QUOTE_NOT_CLOSED' && strayQuote)
    return { line, malformed: 'the file ends inside quotes; rows since the line above were not read' };
  if (error.code === 'CSV_QUOTE_NOT_CLOSED')
    return { line, malformed: 'the file is cut off: it ends inside quotes', cutOff: true };
  return { line, malformed: error.message };
}
