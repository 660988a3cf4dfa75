import type { Digest } from '../core/apply.ts';
import { decodeBatch } from '../core/batch-codec.ts';
import type { Batch } from '../core/facts.ts';
import { GENESIS_CHAIN } from '../core/head.ts';
import { rangeSize } from '../core/ranges.ts';
import { batchRowOf, differingColumns, factRowsOf, nextAfter } from '../ledger/ledger-rows.ts';
import type { BatchRow, FactRow } from '../ports/ledger-rows.ts';
import type { LedgerHole, LedgerPosition } from '../ports/ledger.ts';
import type { LedgerChunk, OrphanRows } from '../ports/ledger-scan.ts';
import type { Findings } from './ledger-findings.ts';

/** A batch as the check has read it. */
export interface CheckedBatch {
  readonly row: BatchRow;
  /** What the body says; `undefined` when it cannot be read, or is that of another batch. */
  readonly batch: Batch | undefined;
  /** Hash of the body. */
  readonly hash: string;
}

/** The last instant that a date can be; later deadlines are stored as this one. */
const LAST_DATE_MS = 8.64e15;

/** A run of facts says how many there are; nobody has made one so long, and to read it would fill the memory. */
const IMPOSSIBLE_RUN = /\["n",\d+,\d+,(?!\d{1,6}[,\]])/;

/** Numbers that one batch's rows may be cut into pages of; far more than any batch is about. */
const CUT_NUMBERS_MAX = 2 ** 31;

/** A text is shown up to here. */
const SHOWN_MAX = 60;

/**
 * Checks a ledger against itself: its batches are 1 to n, each once, each naming the hash of the one before; the columns
 * and the rows of facts are what the bodies say; and the checkpoint is where the last batch is.
 *
 * Feed it all chunks in order, then finish. Its memory does not grow with the ledger.
 */
export class LedgerCheck {
  /** Sequence of the last batch seen; 0 before the first. */
  sequence = 0;
  /** Hash of the last batch's body. */
  chain = GENESIS_CHAIN;
  batches = 0;
  /** Rows of facts. */
  rows = 0;
  /** Facts, as the bodies have them. */
  facts = 0;
  private readonly findings: Findings;
  private readonly digest: Digest;
  /** The hash beside the last batch's body, which a changed body leaves as it was. */
  private chainColumn = GENESIS_CHAIN;
  /** The last batch that could be read; what follows a hole is not compared with what is before it. */
  private last: Batch | undefined;
  private afterHole = false;
  private holes: readonly LedgerHole[] = [];

  constructor(findings: Findings, digest: Digest) {
    this.findings = findings;
    this.digest = digest;
  }

  /** What is missing and documented: no finding, where it is exactly that. */
  expect(holes: readonly LedgerHole[]): void {
    this.holes = holes;
  }

  /** Checks the next batches. @returns each sequence once, in order */
  feed({ batches, facts, orphans }: LedgerChunk): CheckedBatch[] {
    this.checkOrphans(orphans);
    this.rows += facts.length;
    const checked: CheckedBatch[] = [];
    let fact = 0;
    for (let i = 0; i < batches.length;) {
      const { sequence } = batches[i]!;
      let end = i + 1;
      while (end < batches.length && batches[end]!.sequence === sequence) end += 1;
      const row = this.choose(batches.slice(i, end));
      let factEnd = fact;
      while (factEnd < facts.length && facts[factEnd]!.sequence === sequence) factEnd += 1;
      checked.push(this.check(row, facts.slice(fact, factEnd)));
      fact = factEnd;
      i = end;
    }
    return checked;
  }

  /** Compares the checkpoint with the last batch. */
  finish(checkpoint: LedgerPosition | undefined): void {
    const { sequence = 0, chain = GENESIS_CHAIN, next = 0 } = checkpoint ?? {};
    const problem = (what: string): void =>
      this.findings.add('checkpoint', { table: 'series', sequence }, what);
    // A ledger that ends in a documented hole goes on behind it.
    if (sequence > this.sequence && this.isDocumented(this.sequence + 1, sequence)) return;
    if (sequence !== this.sequence)
      problem(`series: the checkpoint stands at batch ${sequence}, the last batch is ${this.sequence}`);
    else if (chain !== this.chain)
      problem(`series: the checkpoint says chain ${chain}, the hash of batch ${sequence} is ${this.chain}`);
    // Of a last batch that cannot be read it is not known.
    if (sequence !== this.sequence || (this.last === undefined && sequence > 0)) return;
    const expected = this.last === undefined ? 0 : nextAfter(this.last);
    if (next !== expected)
      problem(`series: the checkpoint says next ${next}, after batch ${sequence} it is ${expected}`);
  }

  /** Of several rows of one sequence the one that fits; the others are named. */
  private choose(candidates: readonly BatchRow[]): BatchRow {
    const [first] = candidates as [BatchRow];
    if (candidates.length === 1) return first;
    const named = `"p":"${this.chain}"`;
    const following = candidates.filter(({ body }) => body.includes(named));
    const chosen = following.find(({ body, time }) => body.includes(`"t":${time},`)) ?? following[0] ?? first;
    for (const row of candidates) {
      if (row === chosen) continue;
      const { sequence, time } = row;
      this.findings.add(
        'duplicate',
        { table: 'batches', sequence },
        `batches: batch ${sequence} is there ${candidates.length} times; the row of ${timeText(time)} is one too many`,
      );
    }
    return chosen;
  }

  private check(row: BatchRow, facts: readonly FactRow[]): CheckedBatch {
    const { sequence } = row;
    const place = { table: 'batches', sequence } as const;
    if (sequence !== this.sequence + 1) {
      if (!this.isDocumented(this.sequence + 1, sequence - 1))
        this.findings.add('missing', { ...place, sequence: this.sequence + 1 }, this.describeHole(sequence));
      this.afterHole = true;
    }
    const hash = this.digest(row.body);
    if (hash !== row.chain)
      this.findings.add(
        'chain',
        place,
        `batches: the body of batch ${sequence} has the hash ${hash}, but chain says ${row.chain}: one of them was changed`,
      );
    const read = this.read(row);
    if (read !== undefined) {
      this.checkOrder(read);
      this.checkRows(read, row, facts);
    }
    this.batches += 1;
    this.facts += read?.facts.length ?? 0;
    this.sequence = sequence;
    this.chain = hash;
    this.chainColumn = row.chain;
    this.last = read;
    this.afterHole = false;
    return { row, batch: read, hash };
  }

  private isDocumented(first: number, last: number): boolean {
    let next = first;
    for (const hole of this.holes) if (hole.first <= next && next <= hole.last) next = hole.last + 1;
    return next === last + 1;
  }

  private describeHole(sequence: number): string {
    const [from, to] = [this.sequence + 1, sequence - 1];
    return from === to
      ? `batches: batch ${from} is missing`
      : `batches: batches ${from} to ${to} are missing`;
  }

  /** What the body says, when it is the batch's. */
  private read(row: BatchRow): Batch | undefined {
    const { sequence, body } = row;
    const unreadable = (why: string): void =>
      this.findings.add(
        'unreadable',
        { table: 'batches', sequence },
        `batches: the body of batch ${sequence} ${why}; its rows in facts were not compared`,
      );
    let batch: Batch;
    try {
      if (IMPOSSIBLE_RUN.test(body)) throw new Error('a run of facts that is too long');
      batch = decodeBatch(body);
      if (!isPossible(batch)) throw new Error('ranges that no batch can have');
    } catch (error) {
      unreadable(`cannot be read: ${(error as Error).message}`);
      return undefined;
    }
    if (batch.sequence === sequence) return batch;
    unreadable(`is that of batch ${batch.sequence}`);
    return undefined;
  }

  private checkOrder(batch: Batch): void {
    const { sequence, previous, time, next } = batch;
    const place = { table: 'batches', sequence } as const;
    if (this.afterHole) return;
    // A body that was changed is named already, by its own hash.
    if (previous !== this.chain && previous !== this.chainColumn)
      this.findings.add(
        'chain',
        place,
        `batches: batch ${sequence} follows a batch with the hash ${previous}, but that of batch ${sequence - 1} is ${this.chain}`,
      );
    const { last } = this;
    if (last === undefined) return;
    if (time < last.time)
      this.findings.add(
        'order',
        place,
        `batches: batch ${sequence} is of ${timeText(time)}, the one before of ${timeText(last.time)}`,
      );
    const expected = nextAfter(last);
    if (next !== expected)
      this.findings.add(
        'order',
        place,
        `batches: batch ${sequence} finds the counter at ${next}, the one before has left it at ${expected}`,
      );
  }

  /** The batch's columns and its rows of facts against what its body says. */
  private checkRows(batch: Batch, row: BatchRow, facts: readonly FactRow[]): void {
    const { sequence } = batch;
    // The revision is in no body; the chain has been compared.
    const expected = batchRowOf({ batch, text: row.body, revision: row.revision }, row.chain);
    for (const column of differingColumns(expected, row))
      this.findings.add(
        'changed',
        { table: 'batches', sequence },
        `batches: batch ${sequence} has ${differenceText(column, expected, row)}`,
      );
    const wanted = factRowsOf(batch);
    let i = 0;
    let j = 0;
    while (i < wanted.length || j < facts.length) {
      const order = compareKeys(wanted[i], facts[j]);
      if (order < 0) this.nameFact('missing', wanted[i]!, 'is missing');
      else if (order > 0) this.nameFact('inserted', facts[j]!, 'is in no batch');
      else this.compareFact(wanted[i]!, facts[j]!);
      if (order <= 0) i += 1;
      if (order >= 0) j += 1;
    }
  }

  private compareFact(wanted: FactRow, stored: FactRow): void {
    const expected =
      wanted.deadline !== null && wanted.deadline > LAST_DATE_MS
        ? { ...wanted, deadline: LAST_DATE_MS }
        : wanted;
    const columns = differingColumns(expected, stored);
    if (columns.length === 0) return;
    const differences = columns.map(column => differenceText(column, expected, stored));
    this.nameFact('changed', expected, `has ${differences.join('; ')}`);
  }

  private checkOrphans({ count, rows }: OrphanRows): void {
    this.rows += count;
    for (const row of rows) this.nameFact('inserted', row, 'belongs to a batch that is not there');
    this.findings.addUnnamed(count - rows.length);
  }

  private nameFact(kind: 'missing' | 'inserted' | 'changed', row: FactRow, what: string): void {
    const { sequence, index, part, first, last } = row;
    const numbers = first === last ? `number ${first}` : `numbers ${first} to ${last}`;
    const where = `batch ${sequence}, index ${index}, part ${part}`;
    this.findings.add(
      kind,
      { table: 'facts', sequence, index, part },
      `facts: the row of ${where} (${row.kind}, ${numbers}) ${what}`,
    );
  }
}

/** By index, then part; whatever there is comes before what there is not. */
function compareKeys(a: FactRow | undefined, b: FactRow | undefined): number {
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a.index - b.index || a.part - b.part;
}

/** Whether rows can be made of a batch without filling the memory: ranges drawn before are cut where pages end. */
function isPossible({ facts }: Batch): boolean {
  let cut = 0;
  for (const fact of facts) {
    if (!('reused' in fact)) continue;
    for (const range of fact.reused) cut += rangeSize(range);
    if (fact.fresh !== null && 'reservation' in fact) cut += rangeSize(fact.fresh);
  }
  return cut <= CUT_NUMBERS_MAX;
}

function differenceText(column: string, expected: object, stored: object): string {
  const [wanted, found] = [expected, stored].map(row => (row as Record<string, unknown>)[column]);
  return `${column} ${valueText(column, found)} instead of ${valueText(column, wanted)}`;
}

function valueText(column: string, value: unknown): string {
  if ((column === 'time' || column === 'deadline') && typeof value === 'number') return timeText(value);
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

function timeText(ms: number): string {
  return Number.isInteger(ms) && Math.abs(ms) <= LAST_DATE_MS ? new Date(ms).toISOString() : String(ms);
}
