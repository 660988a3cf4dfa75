import { assertFormat, STORED_FORMAT } from './head.ts';
import { comparePositions, type Owner, ownerKey, parseOwnerKey, type Position } from './identifiers.ts';
import {
  addRange,
  flattenRanges,
  type NumberRange,
  rangeIndexAt,
  rangesInclude,
  type RangeSet,
  removeRange,
  unflattenRanges,
} from './ranges.ts';

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

/** The page with a range added to one of its sets. */
export function addToPage(page: Page, set: PageSet, range: NumberRange): Page {
  return { ...page, [set]: addRange(page[set], range) };
}

/** The page with a range taken out of one of its sets. @throws RangeError when it is not wholly in it */
export function removeFromPage(page: Page, set: PageSet, range: NumberRange): Page {
  return { ...page, [set]: removeRange(page[set], range) };
}

/** The page with a reissued range recorded. */
export function holdNumbers(page: Page, holding: Holding): Page {
  const at = rangeIndexAt(page.reissued, holding.first);
  return { ...page, reissued: [...page.reissued.slice(0, at), holding, ...page.reissued.slice(at)] };
}

/** The page without one number's reissue record; unchanged when the number was never reissued. */
export function unholdNumber(page: Page, number: number): Page {
  const at = rangeIndexAt(page.reissued, number);
  const holding = page.reissued[at];
  if (holding === undefined || holding.first > number) return page;
  const rest: Holding[] = [];
  if (holding.first < number) rest.push({ ...holding, last: number - 1 });
  if (number < holding.last) rest.push({ ...holding, first: number + 1 });
  return { ...page, reissued: [...page.reissued.slice(0, at), ...rest, ...page.reissued.slice(at + 1)] };
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

/** Roughly how many bytes the page takes when stored, with some room. */
export function pageBytes(page: Page): number {
  const ranges = page.pooled.length + page.reserved.length + page.voided.length;
  return 100 + ranges * 10 + page.reissued.length * 40;
}

/** The page as stored. Numbers are written relative to the page's first. */
export function encodePage(id: number, page: Page): string {
  const base = id * PAGE_SIZE;
  const owners: string[] = [];
  const reissued = page.reissued.map(holding => {
    const key = ownerKey(holding.owner);
    let owner = owners.indexOf(key);
    if (owner < 0) owner = owners.push(key) - 1;
    const { sequence, index } = holding.allocation;
    return [holding.first - base, holding.last - base, sequence, index, owner];
  });
  return JSON.stringify({
    f: STORED_FORMAT,
    p: page.pooled.length === 0 ? undefined : flattenRanges(page.pooled, base),
    h: page.reserved.length === 0 ? undefined : flattenRanges(page.reserved, base),
    v: page.voided.length === 0 ? undefined : flattenRanges(page.voided, base),
    r: reissued.length === 0 ? undefined : reissued,
    w: owners.length === 0 ? undefined : owners,
  });
}

/** The reverse of {@link encodePage}. @throws SeqdError `unsupported_format` */
export function decodePage(id: number, text: string): Page {
  const stored = JSON.parse(text) as {
    f: number;
    p?: number[];
    h?: number[];
    v?: number[];
    r?: [number, number, number, number, number][];
    w?: string[];
  };
  assertFormat(stored.f, 'page');
  const base = id * PAGE_SIZE;
  const owners = (stored.w ?? []).map(parseOwnerKey);
  return {
    pooled: unflattenRanges(stored.p ?? [], base),
    reserved: unflattenRanges(stored.h ?? [], base),
    voided: unflattenRanges(stored.v ?? [], base),
    reissued: (stored.r ?? []).map(([first, last, sequence, index, owner]) => ({
      first: first + base,
      last: last + base,
      allocation: { sequence, index },
      owner: owners[owner]!,
    })),
  };
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
