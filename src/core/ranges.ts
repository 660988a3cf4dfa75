import { invariant, SeqdError } from './errors.ts';

/** Inclusive range of document numbers, `first <= last`. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** Disjoint ranges, ascending, never adjacent: the one normal form of a set of numbers. */
export type RangeSet = readonly NumberRange[];

/** A {@link RangeSet} that its owner may change. The ranges in it are shared, and never change. */
export type MutableRangeSet = NumberRange[];

/** How many numbers one range holds. */
export function rangeSize(range: NumberRange): number {
  return range.last - range.first + 1;
}

/** How many numbers a list of disjoint ranges holds. */
export function rangesSize(ranges: readonly NumberRange[]): number {
  let size = 0;
  for (const range of ranges) size += rangeSize(range);
  return size;
}

/** Index of the first range whose `last` is at or above `number`; `ranges.length` if none. O(log n). */
export function rangeIndexAt(ranges: readonly NumberRange[], number: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.last < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether `number` lies in one of the sorted ranges. */
export function rangesInclude(ranges: readonly NumberRange[], number: number): boolean {
  const range = ranges[rangeIndexAt(ranges, number)];
  return range !== undefined && range.first <= number;
}

/** Whether any number of `range` lies in the set. */
export function rangesOverlap(set: RangeSet, range: NumberRange): boolean {
  const candidate = set[rangeIndexAt(set, range.first)];
  return candidate !== undefined && candidate.first <= range.last;
}

/**
 * Adds a range to the set, in place; neighbours grow together.
 *
 * @throws SeqdError `invariant_violated`, and the set is as it was, when some of it is there already: whoever adds and what
 *   is stored disagree
 */
export function addRange(set: MutableRangeSet, added: NumberRange): void {
  const at = rangeIndexAt(set, added.first);
  const before = set[at - 1];
  const after = set[at];
  if (added.last < added.first || (after !== undefined && after.first <= added.last))
    throw contradiction(`${added.first}-${added.last} cannot be added to the set`);
  const joinsBefore = before !== undefined && before.last + 1 === added.first;
  const joinsAfter = after !== undefined && added.last + 1 === after.first;
  const joined = {
    first: joinsBefore ? before.first : added.first,
    last: joinsAfter ? after.last : added.last,
  };
  const from = joinsBefore ? at - 1 : at;
  const to = joinsAfter ? at + 1 : at;
  set.splice(from, to - from, joined);
}

/**
 * Takes a range out of the set, in place.
 *
 * @throws SeqdError `invariant_violated`, and the set is as it was, when it does not lie wholly inside one range of the set:
 *   whoever removes and what is stored disagree
 */
export function removeRange(set: MutableRangeSet, removed: NumberRange): void {
  const at = rangeIndexAt(set, removed.first);
  const range = set[at];
  if (range === undefined || range.first > removed.first || range.last < removed.last)
    throw contradiction(`${removed.first}-${removed.last} is not in the set`);
  const rest: NumberRange[] = [];
  if (range.first < removed.first) rest.push({ first: range.first, last: removed.first - 1 });
  if (removed.last < range.last) rest.push({ first: removed.last + 1, last: range.last });
  set.splice(at, 1, ...rest);
}

/** The numbers in any of these ranges, which may come in any order, and overlap. */
export function mergeRanges(ranges: readonly NumberRange[]): RangeSet {
  const merged: NumberRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before === undefined || before.last + 1 < range.first) merged.push(range);
    else if (range.last > before.last) merged[merged.length - 1] = { first: before.first, last: range.last };
  }
  return merged;
}

/** The numbers in both sets. */
export function intersectRanges(a: RangeSet, b: RangeSet): RangeSet {
  const common: NumberRange[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const first = Math.max(a[i]!.first, b[j]!.first);
    const last = Math.min(a[i]!.last, b[j]!.last);
    if (first <= last) common.push({ first, last });
    if (a[i]!.last < b[j]!.last) i += 1;
    else j += 1;
  }
  return common;
}

/** Ranges as one flat array `first, last, first, last, …`, each less `base`: compact in JSON. */
export function flattenRanges(ranges: readonly NumberRange[], base = 0): number[] {
  const flat: number[] = [];
  for (const range of ranges) flat.push(range.first - base, range.last - base);
  return flat;
}

/**
 * The reverse of {@link flattenRanges}.
 *
 * @throws SeqdError `invariant_violated` for what that cannot have made
 */
export function unflattenRanges(flat: readonly number[], base = 0): NumberRange[] {
  invariant(Array.isArray(flat) && flat.length % 2 === 0, 'stored ranges are pairs of numbers');
  const ranges: NumberRange[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const first = flat[i]! + base;
    const last = flat[i + 1]! + base;
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || last < first)
      throw contradiction(`${first}-${last} is no range`);
    ranges.push({ first, last });
  }
  return ranges;
}

// Built where it is thrown: `invariant` would put the text together for every range that is in order.
function contradiction(what: string): SeqdError {
  return new SeqdError('invariant_violated', `Invariant violated: ${what}`);
}

/** A run of numbers that a {@link RangeMap} says the same of. */
export interface Run<T> extends NumberRange {
  readonly value: T;
}

interface Step<T> {
  readonly first: number;
  readonly value: T;
}

/** Steps in one block of a {@link RangeMap}; past twice as many it is halved. */
const BLOCK_STEPS = 256;

/**
 * A value for every number. Time and room go with the number of runs, never with how long they are: a step where
 * the value changes is all that is kept, in blocks, so that a change moves few of them.
 *
 * Values are compared with `===`.
 */
export class RangeMap<T> {
  /** Never empty, nor is any block; a step holds up to the next one, the first from minus infinity on. */
  private readonly blocks: Step<T>[][];

  constructor(initial: T) {
    this.blocks = [[{ first: -Infinity, value: initial }]];
  }

  /** The run a number lies in; it may begin at minus infinity, and end at infinity. */
  at(number: number): Run<T> {
    const b = this.blockOf(number);
    const block = this.blocks[b]!;
    const i = stepsThrough(block, number) - 1;
    const { first, value } = block[i]!;
    const next = block[i + 1] ?? this.blocks[b + 1]?.[0];
    return { first, last: next === undefined ? Infinity : next.first - 1, value };
  }

  /** The runs of a range, ascending, cut at its ends. The map must not be changed meanwhile. */
  *runs({ first, last }: NumberRange): Generator<Run<T>> {
    for (let number = first; number <= last;) {
      const run = this.at(number);
      yield { first: number, last: Math.min(run.last, last), value: run.value };
      number = run.last + 1;
    }
  }

  /** Gives every number of a range this value; an empty range (`last < first`) changes nothing. */
  set({ first, last }: NumberRange, value: T): void {
    if (last < first) return;
    const before = this.at(first - 1).value;
    const after = this.at(last + 1).value;
    // At least the first step of this block lies below the range, and stays.
    const b = this.blockOf(first - 1);
    const block = this.blocks[b]!;
    const from = stepsThrough(block, first - 1);
    const to = stepsThrough(block, last + 1);
    if (to === block.length) this.dropSteps(b + 1, last + 1);
    const steps: Step<T>[] = [];
    if (before !== value) steps.push({ first, value });
    if (after !== value) steps.push({ first: last + 1, value: after });
    block.splice(from, to - from, ...steps);
    if (block.length > 2 * BLOCK_STEPS) this.blocks.splice(b + 1, 0, block.splice(BLOCK_STEPS));
  }

  /** Drops the steps up to a number, from the beginning of a block on. */
  private dropSteps(from: number, through: number): void {
    let to = from;
    while (to < this.blocks.length && this.blocks[to]!.at(-1)!.first <= through) to += 1;
    this.blocks.splice(from, to - from);
    const cut = this.blocks[from];
    cut?.splice(0, stepsThrough(cut, through));
  }

  /** The block that says what a number is. */
  private blockOf(number: number): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.blocks[middle]![0]!.first <= number) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** How many steps of a block begin at or below `number`. */
function stepsThrough(steps: readonly Step<unknown>[], number: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (steps[middle]!.first <= number) low = middle + 1;
    else high = middle;
  }
  return low;
}
