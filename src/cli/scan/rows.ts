/** A row of an existing numbering. */
export interface NumberRow {
  /** From 1; of a file its line, of a query the row. */
  readonly line: number;
  readonly value: string;
  /** Of the period column, if one was asked for. */
  readonly period?: string;
  /** The file ends here without a line end, so it may be cut off in this row, and rows after it be missing. */
  readonly unended?: true;
}

/** A row that cannot be read. */
export interface MalformedRow {
  readonly line: number;
  readonly malformed: string;
  /** The file ends here, in the middle of a row. */
  readonly cutOff?: true;
}

/** Where rows come from. */
export interface RowSource {
  /** For people: the file, or the table. */
  readonly name: string;
  readonly column: string;
  /** What `line` counts. */
  readonly unit: 'line' | 'row';
  /** Reads them once, one after the other. @throws CliError when there is no such column, or nothing can be read */
  rows(): AsyncIterable<NumberRow | MalformedRow>;
}

/** Which columns to read. */
export interface ColumnChoice {
  readonly column: string;
  readonly period?: string | undefined;
}
