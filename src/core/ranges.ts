/** Inclusive range of document numbers, `first <= last`. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** Disjoint ranges, ascending, never adjacent: the one normal form of a set of numbers. */
export type RangeSet = readonly NumberRange[];

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

/** The set with `added` in it; neighbours grow together. `added` must be disjoint from the set. */
export function addRange(set: RangeSet, added: NumberRange): RangeSet {
  const at = rangeIndexAt(set, added.first);
  const before = set[at - 1];
  const after = set[at];
  const joinsBefore = before !== undefined && before.last + 1 === added.first;
  const joinsAfter = after !== undefined && added.last + 1 === after.first;
  const joined = {
    first: joinsBefore ? before.first : added.first,
    last: joinsAfter ? after.last : added.last,
  };
  const from = joinsBefore ? at - 1 : at;
  const to = joinsAfter ? at + 1 : at;
  return [...set.slice(0, from), joined, ...set.slice(to)];
}

/** The set without `removed`, which must lie wholly inside one of its ranges. */
export function removeRange(set: RangeSet, removed: NumberRange): RangeSet {
  const at = rangeIndexAt(set, removed.first);
  const range = set[at];
  if (range === undefined || range.first > removed.first || range.last < removed.last) {
    throw new RangeError(`${removed.first}-${removed.last} is not in the set`);
  }
  const rest: NumberRange[] = [];
  if (range.first < removed.first) rest.push({ first: range.first, last: removed.first - 1 });
  if (removed.last < range.last) rest.push({ first: removed.last + 1, last: range.last });
  return [...set.slice(0, at), ...rest, ...set.slice(at + 1)];
}

/** Ranges as one flat array `first, last, first, last, …`, each less `base`: compact in JSON. */
export function flattenRanges(ranges: readonly NumberRange[], base = 0): number[] {
  const flat: number[] = [];
  for (const range of ranges) flat.push(range.first - base, range.last - base);
  return flat;
}

/** The reverse of {@link flattenRanges}. */
export function unflattenRanges(flat: readonly number[], base = 0): NumberRange[] {
  const ranges: NumberRange[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    ranges.push({ first: flat[i]! + base, last: flat[i + 1]! + base });
  }
  return ranges;
}
