import { invariant } from './errors.ts';
import { assertFormat, STORED_FORMAT } from './head.ts';
import {
  comparePositions,
  type Owner,
  ownerKey,
  parseOwnerKey,
  type Position,
  sameOwner,
} from './identifiers.ts';
import {
  addRange,
  type MutableRangeSet,
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
 * It never changes, except in the draft that made it, until that is sealed.
 */
export interface Page {
  readonly pooled: RangeSet;
  readonly reserved: RangeSet;
  readonly voided: RangeSet;
  /** Sorted by `first`, disjoint. */
  readonly reissued: readonly Holding[];
}

/** A page that its owner, a draft, may change: one copy serves a whole batch, however many numbers it draws from the page. */
export interface MutablePage extends Page {
  readonly pooled: MutableRangeSet;
  readonly reserved: MutableRangeSet;
  readonly voided: MutableRangeSet;
  readonly reissued: Holding[];
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

/** A page of the same content that may be changed. */
export function copyPage({ pooled, reserved, voided, reissued }: Page): MutablePage {
  return { pooled: [...pooled], reserved: [...reserved], voided: [...voided], reissued: [...reissued] };
}

/** Adds a range to one of the page's sets. @throws SeqdError `invariant_violated` when some of it is in it */
export function addToPage(page: MutablePage, set: PageSet, range: NumberRange): void {
  addRange(page[set], range);
}

/** Takes a range out of one of the page's sets. @throws SeqdError `invariant_violated` when not all of it is in it */
export function removeFromPage(page: MutablePage, set: PageSet, range: NumberRange): void {
  removeRange(page[set], range);
}

/** Records a reissued range. @throws SeqdError `invariant_violated` when some of it is held already */
export function holdNumbers(page: MutablePage, holding: Holding): void {
  const at = rangeIndexAt(page.reissued, holding.first);
  const after = page.reissued[at];
  invariant(after === undefined || holding.last < after.first, 'a number that is reissued is held by nobody');
  page.reissued.splice(at, 0, holding);
}

/** Drops one number's reissue record; changes nothing when the number was never reissued. */
export function unholdNumber(page: MutablePage, number: number): void {
  const at = rangeIndexAt(page.reissued, number);
  const holding = page.reissued[at];
  if (holding === undefined || holding.first > number) return;
  const rest: Holding[] = [];
  if (holding.first < number) rest.push({ ...holding, last: number - 1 });
  if (number < holding.last) rest.push({ ...holding, first: number + 1 });
  page.reissued.splice(at, 1, ...rest);
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
  let previous: Owner | undefined;
  for (const { owner } of page.reissued) {
    if (previous !== undefined && sameOwner(owner, previous)) continue;
    previous = owner;
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
  const reissued = encodeHoldings(page.reissued, owners, base);
  return JSON.stringify({
    f: STORED_FORMAT,
    p: encodeRanges(page.pooled, base),
    h: encodeRanges(page.reserved, base),
    v: encodeRanges(page.voided, base),
    r: reissued,
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

/** Each holding as {@link HOLDING_FIELDS} numbers, its owner by the place in `owners`, which grows; `undefined` for none. */
function encodeHoldings(holdings: readonly Holding[], owners: string[], base: number): number[] | undefined {
  if (holdings.length === 0) return undefined;
  const flat: number[] = [];
  let previous = { last: base - 1, sequence: 0 };
  let owner: Owner | undefined;
  let ownerIndex = 0;
  for (const holding of holdings) {
    const { first, last, allocation } = holding;
    const { sequence, index } = allocation;
    // Neighbours were mostly drawn together, for the same owner; a full page would make hundreds of equal keys.
    if (owner === undefined || !sameOwner(owner, holding.owner)) {
      owner = holding.owner;
      ownerIndex = indexIn(owners, ownerKey(owner));
    }
    flat.push(first - previous.last, last - first, sequence - previous.sequence, index, ownerIndex);
    previous = { last, sequence };
  }
  return flat;
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
        sameOwner(holding.owner, other.owner)
      );
    })
  );
}

function sameRanges(a: RangeSet, b: RangeSet): boolean {
  return a.length === b.length && a.every((r, i) => r.first === b[i]!.first && r.last === b[i]!.last);
}
