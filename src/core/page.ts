import { invariant } from './errors.ts';
import { assertFormat, STORED_FORMAT } from './head.ts';
import { comparePositions, type Owner, ownerKey, parseOwnerKey, type Position } from './identifiers.ts';
import {
  addRange,
  type NumberRange,
  rangeIndexAt,
  rangesInclude,
  type RangeSet,
  removeRange,
} from './ranges.ts';
import { parseStored } from './stored-text.ts';

/** How many consecutive numbers share one page of the gap pool. */
export const PAGE_SIZE = 1024;

/** Numbers taken from the pool that belong to a document again, and to which allocation. */
export interface Holding extends NumberRange {
  readonly allocation: Position;
  readonly owner: Owner;
}

/**
 * Everything unusual about {@link PAGE_SIZE} consecutive numbers. A number that is below `next` and stands
 * in no page is issued, and still belongs to the allocation that first drew it; so the state grows
 * with releases, not with the numbers issued.
 *
 * Immutable: every change makes a new page.
 */
export interface Page {
  readonly pooled: RangeSet;
  readonly reserved: RangeSet;
  readonly voided: RangeSet;
  /** Sorted by `first`, disjoint. */
  readonly reissued: readonly Holding[];
}

/** A page with nothing unusual in it; such a page is not stored. */
export const EMPTY_PAGE: Page = { pooled: [], reserved: [], voided: [], reissued: [] };

/** The sets of a page that hold plain ranges. */
export type PageSet = 'pooled' | 'reserved' | 'voided';

/** The page a number lives in. */
export function pageOf(number: number): number {
  return Math.floor(number / PAGE_SIZE);
}

/** Whether the page says nothing and can be deleted. */
export function isEmptyPage(page: Page): boolean {
  return (
    page.pooled.length === 0 &&
    page.reserved.length === 0 &&
    page.voided.length === 0 &&
    page.reissued.length === 0
  );
}

/** Cuts a range at page borders; calls back with each page's share, ascending. */
export function eachPageShare(range: NumberRange, visit: (page: number, share: NumberRange) => void): void {
  let first = range.first;
  while (first <= range.last) {
    const page = pageOf(first);
    const last = Math.min(range.last, (page + 1) * PAGE_SIZE - 1);
    visit(page, { first, last });
    first = last + 1;
  }
}

/** The page with a range added to one of its sets. @throws SeqdError `invariant_violated` when some of it is in it */
export function addToPage(page: Page, set: PageSet, range: NumberRange): Page {
  return { ...page, [set]: addRange(page[set], range) };
}

/** The page with a range taken out of one of its sets. @throws SeqdError `invariant_violated` when not all of it is in it */
export function removeFromPage(page: Page, set: PageSet, range: NumberRange): Page {
  return { ...page, [set]: removeRange(page[set], range) };
}

/** The page with a reissued range recorded. @throws SeqdError `invariant_violated` when some of it is held already */
export function holdNumbers(page: Page, holding: Holding): Page {
  const at = rangeIndexAt(page.reissued, holding.first);
  const after = page.reissued[at];
  invariant(after === undefined || holding.last < after.first, 'a number that is reissued is held by nobody');
  return { ...page, reissued: page.reissued.toSpliced(at, 0, holding) };
}

/** The page without one number's reissue record; unchanged when the number was never reissued. */
export function unholdNumber(page: Page, number: number): Page {
  const at = rangeIndexAt(page.reissued, number);
  const holding = page.reissued[at];
  if (holding === undefined || holding.first > number) return page;
  const rest: Holding[] = [];
  if (holding.first < number) rest.push({ ...holding, last: number - 1 });
  if (number < holding.last) rest.push({ ...holding, first: number + 1 });
  return { ...page, reissued: page.reissued.toSpliced(at, 1, ...rest) };
}

/** The current allocation of a reissued number; `undefined` when it was never reissued. */
export function holdingOf(page: Page, number: number): Holding | undefined {
  const holding = page.reissued[rangeIndexAt(page.reissued, number)];
  return holding !== undefined && holding.first <= number ? holding : undefined;
}

/** What the page says of a number; `undefined` means plainly issued. */
export function pageStatus(
  page: Page,
  number: number,
): 'pooled' | 'reserved' | 'void' | 'reissued' | undefined {
  if (rangesInclude(page.pooled, number)) return 'pooled';
  if (rangesInclude(page.reserved, number)) return 'reserved';
  if (rangesInclude(page.voided, number)) return 'void';
  return holdingOf(page, number) === undefined ? undefined : 'reissued';
}

/** A range in a stored page at most: two offsets of four digits, and commas. */
export const PAGE_RANGE_BYTES = 10;
/** A holding at most: its place and size, four digits each, the allocation's sequence (16 digits and a sign) and index, the owner's index, commas. */
export const PAGE_HOLDING_BYTES = 40;

/** How many bytes the page takes when stored, at most, besides its frame. */
export function pageBytes(page: Page): number {
  const ranges = page.pooled.length + page.reserved.length + page.voided.length;
  const owners = new Set<string>();
  let ownersBytes = 0;
  for (const { owner } of page.reissued) {
    const key = ownerKey(owner);
    if (owners.has(key)) continue;
    owners.add(key);
    ownersBytes += key.length + 3;
  }
  return ranges * PAGE_RANGE_BYTES + page.reissued.length * PAGE_HOLDING_BYTES + ownersBytes;
}

/**
 * The page as stored: ranges as two numbers each, holdings as five, places and sequences relative to those before, because a
 * page full of them is written with every draw from it.
 */
export function encodePage(id: number, page: Page): string {
  const base = id * PAGE_SIZE;
  const owners: string[] = [];
  const reissued: number[] = [];
  let previous = { last: base - 1, sequence: 0 };
  for (const { first, last, allocation, owner } of page.reissued) {
    const { sequence, index } = allocation;
    reissued.push(first - previous.last, last - first, sequence - previous.sequence, index);
    reissued.push(indexIn(owners, ownerKey(owner)));
    previous = { last, sequence };
  }
  return JSON.stringify({
    f: STORED_FORMAT,
    p: encodeRanges(page.pooled, base),
    h: encodeRanges(page.reserved, base),
    v: encodeRanges(page.voided, base),
    r: reissued.length === 0 ? undefined : reissued,
    w: owners.length === 0 ? undefined : owners,
  });
}

/**
 * The reverse of {@link encodePage}.
 *
 * @throws SeqdError `unsupported_format`; `invariant_violated` for a text that no version can have stored
 */
export function decodePage(id: number, text: string): Page {
  const stored = parseStored(`page ${id}`, text) as StoredPage;
  assertFormat(stored.f, 'page');
  const base = id * PAGE_SIZE;
  const owners = (stored.w ?? []).map(parseOwnerKey);
  const page = {
    pooled: decodeRanges(stored.p ?? [], base),
    reserved: decodeRanges(stored.h ?? [], base),
    voided: decodeRanges(stored.v ?? [], base),
    reissued: decodeHoldings(stored.r ?? [], owners, base),
  };
  for (const ranges of [page.pooled, page.reserved, page.voided, page.reissued]) assertInPage(id, ranges);
  return page;
}

/** Each range as its distance from the one before and its size less one; `undefined` for none. */
function encodeRanges(ranges: RangeSet, base: number): number[] | undefined {
  if (ranges.length === 0) return undefined;
  const flat: number[] = [];
  let previous = base - 1;
  for (const { first, last } of ranges) {
    flat.push(first - previous, last - first);
    previous = last;
  }
  return flat;
}

function decodeRanges(flat: readonly number[], base: number): NumberRange[] {
  invariant(Array.isArray(flat) && flat.length % 2 === 0, 'stored ranges are pairs of numbers');
  const ranges: NumberRange[] = [];
  let last = base - 1;
  for (let i = 0; i < flat.length; i += 2) {
    const first = last + flat[i]!;
    last = first + flat[i + 1]!;
    ranges.push({ first, last });
  }
  return ranges;
}

function decodeHoldings(flat: readonly number[], owners: readonly Owner[], base: number): Holding[] {
  invariant(Array.isArray(flat) && flat.length % HOLDING_FIELDS === 0, 'a stored holding is so many numbers');
  const holdings: Holding[] = [];
  let last = base - 1;
  let sequence = 0;
  for (let i = 0; i < flat.length; i += HOLDING_FIELDS) {
    const first = last + flat[i]!;
    last = first + flat[i + 1]!;
    sequence += flat[i + 2]!;
    const owner = owners[flat[i + 4]!];
    invariant(owner !== undefined, 'a stored holding names an owner of its page');
    holdings.push({ first, last, allocation: { sequence, index: flat[i + 3]! }, owner });
  }
  return holdings;
}

/** Where a text stands in the list, which it joins if it is new. */
function indexIn(list: string[], text: string): number {
  const at = list.indexOf(text);
  return at < 0 ? list.push(text) - 1 : at;
}

const HOLDING_FIELDS = 5;

interface StoredPage {
  f: number;
  p?: number[];
  h?: number[];
  v?: number[];
  r?: number[];
  w?: string[];
}

/** Searching relies on the order, and every number is looked for in its own page only. */
function assertInPage(id: number, ranges: readonly NumberRange[]): void {
  let next = id * PAGE_SIZE;
  const end = next + PAGE_SIZE;
  for (const { first, last } of ranges) {
    const whole = Number.isSafeInteger(first) && Number.isSafeInteger(last);
    invariant(
      whole && first >= next && last >= first && last < end,
      'the ranges of a stored page ascend within it',
    );
    next = last + 1;
  }
}

/** Whether two pages say the same. */
export function samePage(a: Page, b: Page): boolean {
  return (
    sameRanges(a.pooled, b.pooled) &&
    sameRanges(a.reserved, b.reserved) &&
    sameRanges(a.voided, b.voided) &&
    a.reissued.length === b.reissued.length &&
    a.reissued.every((holding, i) => {
      const other = b.reissued[i]!;
      return (
        holding.first === other.first &&
        holding.last === other.last &&
        comparePositions(holding.allocation, other.allocation) === 0 &&
        ownerKey(holding.owner) === ownerKey(other.owner)
      );
    })
  );
}

function sameRanges(a: RangeSet, b: RangeSet): boolean {
  return a.length === b.length && a.every((r, i) => r.first === b[i]!.first && r.last === b[i]!.last);
}
