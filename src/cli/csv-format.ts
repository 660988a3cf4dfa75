import type { CsvError } from 'csv-parse/sync';

/** How every CSV file is read: rows of any length, so that those of a wrong one can be named with their line. */
export const CSV_FORMAT = {
  bom: true,
  info: true,
  relax_column_count: true,
  skip_empty_lines: true,
} as const;

/** A row as csv-parse gives it with {@link CSV_FORMAT}. */
export interface CsvRow {
  readonly record: readonly string[];
  /** `lines` is the line that the row ends on, from 1. */
  readonly info: { readonly lines: number };
}

/** The line that csv-parse stopped at, from 1. */
export function lineOfCsvError(error: Pick<CsvError, 'message'> & Record<string, unknown>): number {
  return Number(error['lines'] ?? 1);
}
