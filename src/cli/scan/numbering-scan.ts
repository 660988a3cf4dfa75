import { type NumberRange, rangeSize } from '../../core/ranges.ts';
import { CliError } from '../cli-error.ts';
import { type NumberMistake, parseDocumentNumber } from './document-number.ts';
import { NumberSet } from './number-set.ts';
import type { MalformedRow, NumberRow, RowSource } from './rows.ts';

/** What is said of each kind of example; the rest is only counted. */
export const EXAMPLES_MAX = 20;
/** More prefixes or periods are a wrong column. */
const GROUPS_MAX = 1_000;

/** What lies between the lowest and the highest number of one numbering. */
export interface NumberingReport {
  readonly rows: number;
  readonly distinct: number;
  readonly first: number | null;
  readonly last: number | null;
  /** Numbers between them that are not there. */
  readonly missing: number;
  /** Runs of them. */
  readonly missingRuns: number;
  readonly longestRun: NumberRange | null;
  /** Rows whose number was there before. */
  readonly duplicates: number;
}

/** Rows with one prefix; whichever numbering they belong to. */
export interface PrefixReport {
  readonly prefix: string;
  readonly rows: number;
  readonly first: number;
  readonly last: number;
}

/** A numbering of its own, by prefix, period or both. */
export interface GroupReport extends NumberingReport {
  readonly prefix?: string;
  readonly period?: string;
}

/** What a scan found; the document of `seqd scan --json`. */
export interface ScanReport extends NumberingReport {
  readonly source: string;
  readonly column: string;
  readonly unit: 'line' | 'row';
  /** Every row was read and holds a number, and the file ends where a line does. */
  readonly clean: boolean;
  /** The file ends in the middle of a row. */
  readonly cutOff: boolean;
  /** The last row, if no line end follows it, so that the file may be cut off in it; `null` otherwise, or if that is as it should be. */
  readonly unended: { readonly line: number; readonly value: string } | null;
  readonly duplicateExamples: readonly { readonly line: number; readonly value: string }[];
  readonly malformed: number;
  readonly malformedExamples: readonly { readonly line: number; readonly message: string }[];
  /** Rows that hold no number, by what is wrong. */
  readonly notNumbers: number;
  readonly mistakes: readonly {
    readonly mistake: NumberMistake;
    readonly rows: number;
    readonly examples: readonly { readonly line: number; readonly value: string }[];
  }[];
  /** Read as the numbers they are, because nothing is lost by that; named, because two spellings may be one number. */
  readonly zeroPadded: number;
  readonly zeroPaddedExamples: readonly { readonly line: number; readonly value: string }[];
  readonly prefixes: readonly PrefixReport[];
  /** With `--per-prefix` or `--period-column`. The figures above are the sums over them. */
  readonly groups?: readonly GroupReport[];
}

/** How to look at the numbers. */
export interface ScanOptions {
  /** Those there may be; default any. */
  readonly prefixes?: readonly string[] | undefined;
  /** Each prefix has numbers of its own; by default all share one numbering. */
  readonly perPrefix?: boolean | undefined;
  /** Somebody has looked: the file is whole, though no line end follows its last row. */
  readonly lastLineComplete?: boolean | undefined;
}

/** Rows of one numbering. */
interface Group {
  readonly prefix?: string;
  readonly period?: string;
  readonly numbers: NumberSet;
  rows: number;
}

interface Example {
  readonly line: number;
  readonly value: string;
}

/** Reads an existing numbering, row by row. Memory goes with how the numbers lie, not with how many rows there are. */
export class NumberingScan {
  private readonly options: ScanOptions;
  private readonly groups = new Map<string, Group>();
  private readonly prefixes = new Map<string, { rows: number; first: number; last: number }>();
  private readonly mistakes = new Map<NumberMistake, { rows: number; examples: Example[] }>();
  private rows = 0;
  private malformed = 0;
  private readonly malformedExamples: { line: number; message: string }[] = [];
  private cutOff = false;
  private unended: Example | null = null;
  private zeroPadded = 0;
  private readonly zeroPaddedExamples: Example[] = [];
  private readonly duplicateExamples: Example[] = [];

  constructor(options: ScanOptions = {}) {
    this.options = options;
  }

  /** @throws CliError when this cannot be a numbering */
  add(row: NumberRow | MalformedRow): void {
    this.rows += 1;
    if ('malformed' in row) return this.addMalformed(row);
    const { line, value } = row;
    if (row.unended === true && this.options.lastLineComplete !== true)
      this.unended = { line, value: shorten(value) };
    const parsed = parseDocumentNumber(value, this.options.prefixes);
    if ('mistake' in parsed) return this.addMistake(parsed.mistake, line, value);
    const { prefix, number, zeroPadded } = parsed;
    if (zeroPadded) {
      this.zeroPadded += 1;
      keep(this.zeroPaddedExamples, { line, value: shorten(value) });
    }
    this.addPrefix(prefix, number);
    const group = this.groupOf(prefix, row.period);
    group.rows += 1;
    if (!addTo(group.numbers, number)) keep(this.duplicateExamples, { line, value: shorten(value) });
  }

  /** The only numbering there is. @throws Error when there are several, or none */
  single(): NumberSet {
    const [group, ...others] = this.groups.values();
    if (group === undefined || others.length > 0) throw new Error('not one numbering');
    return group.numbers;
  }

  report({ name, column, unit }: Pick<RowSource, 'name' | 'column' | 'unit'>): ScanReport {
    const groups = [...this.groups.values()].map(reportGroup);
    const mistakes = [...this.mistakes].map(([mistake, found]) => ({ mistake, ...found }));
    const notNumbers = mistakes.reduce((sum, { rows }) => sum + rows, 0);
    const apart = this.options.perPrefix === true || groups.some(({ period }) => period !== undefined);
    return {
      source: name,
      column,
      unit,
      clean: this.malformed === 0 && notNumbers === 0 && this.unended === null,
      ...sumOf(groups),
      rows: this.rows,
      cutOff: this.cutOff,
      unended: this.unended,
      duplicateExamples: this.duplicateExamples,
      malformed: this.malformed,
      malformedExamples: this.malformedExamples,
      notNumbers,
      mistakes,
      zeroPadded: this.zeroPadded,
      zeroPaddedExamples: this.zeroPaddedExamples,
      prefixes: [...this.prefixes].map(([prefix, found]) => ({ prefix, ...found })),
      ...(apart ? { groups } : {}),
    };
  }

  private addMalformed({ line, malformed, cutOff }: MalformedRow): void {
    this.malformed += 1;
    if (cutOff === true) this.cutOff = true;
    // The last one is the one that matters most.
    if (this.malformedExamples.length === EXAMPLES_MAX) this.malformedExamples.pop();
    this.malformedExamples.push({ line, message: malformed });
  }

  private addMistake(mistake: NumberMistake, line: number, value: string): void {
    let found = this.mistakes.get(mistake);
    if (found === undefined) this.mistakes.set(mistake, (found = { rows: 0, examples: [] }));
    found.rows += 1;
    keep(found.examples, { line, value: shorten(value) });
  }

  private addPrefix(prefix: string, number: number): void {
    const found = this.prefixes.get(prefix);
    if (found === undefined) {
      if (this.prefixes.size === GROUPS_MAX) throw tooMany('prefixes');
      this.prefixes.set(prefix, { rows: 1, first: number, last: number });
      return;
    }
    found.rows += 1;
    found.first = Math.min(found.first, number);
    found.last = Math.max(found.last, number);
  }

  private groupOf(prefix: string, period: string | undefined): Group {
    const own = this.options.perPrefix === true ? { prefix } : {};
    const key = JSON.stringify([own.prefix, period]);
    let group = this.groups.get(key);
    if (group === undefined) {
      if (this.groups.size === GROUPS_MAX) throw tooMany('prefixes and periods');
      group = { ...own, ...(period === undefined ? {} : { period }), numbers: new NumberSet(), rows: 0 };
      this.groups.set(key, group);
    }
    return group;
  }
}

/** Reads a whole source. @throws CliError */
export async function scanRows(source: RowSource, options: ScanOptions): Promise<NumberingScan> {
  const scan = new NumberingScan(options);
  for await (const row of source.rows()) scan.add(row);
  return scan;
}

function addTo(numbers: NumberSet, number: number): boolean {
  try {
    return numbers.add(number);
  } catch (error) {
    if (error instanceof RangeError)
      throw new CliError(`${error.message}; is that the column of a numbering?`);
    throw error;
  }
}

function reportGroup({ numbers, rows, ...names }: Group): GroupReport {
  let first: number | null = null;
  let last: number | null = null;
  let missing = 0;
  let missingRuns = 0;
  let longestRun: NumberRange | null = null;
  for (const number of numbers.numbers()) {
    first ??= number;
    if (last !== null && number > last + 1) {
      const run = { first: last + 1, last: number - 1 };
      missing += rangeSize(run);
      missingRuns += 1;
      if (longestRun === null || rangeSize(run) > rangeSize(longestRun)) longestRun = run;
    }
    last = number;
  }
  const distinct = numbers.size;
  const duplicates = rows - distinct;
  return { ...names, rows, distinct, first, last, missing, missingRuns, longestRun, duplicates };
}

function sumOf(groups: readonly GroupReport[]): NumberingReport {
  const total = (pick: (group: GroupReport) => number): number =>
    groups.reduce((sum, group) => sum + pick(group), 0);
  const longest = groups.reduce<NumberRange | null>(
    (a, { longestRun: b }) => (b !== null && (a === null || rangeSize(b) > rangeSize(a)) ? b : a),
    null,
  );
  return {
    rows: total(group => group.rows),
    distinct: total(group => group.distinct),
    first: groups.length === 0 ? null : Math.min(...groups.map(group => group.first!)),
    last: groups.length === 0 ? null : Math.max(...groups.map(group => group.last!)),
    missing: total(group => group.missing),
    missingRuns: total(group => group.missingRuns),
    longestRun: longest,
    duplicates: total(group => group.duplicates),
  };
}

function keep(examples: Example[], example: Example): void {
  if (examples.length < EXAMPLES_MAX) examples.push(example);
}

function shorten(value: string): string {
  return value.length > 60 ? `${value.slice(0, 57)}...` : value;
}

function tooMany(what: string): CliError {
  return new CliError(`there are more than ${GROUPS_MAX} ${what}; is that the right column?`);
}
