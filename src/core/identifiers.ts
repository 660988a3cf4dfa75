/** Names one numbered sequence's sub-counter. Each part is a key segment without slashes. */
export interface SeriesId {
  readonly tenant: string;
  readonly series: string;
  readonly period: string;
}

/** The series of seqd's REST interface: shared by all sites, partitions and document types, never reset. */
export const GLOBAL_SERIES: SeriesId = { tenant: 'default', series: 'global', period: 'all' };

/** `tenant/series/period`, for logs, maps and messages. */
export function seriesName(id: SeriesId): string {
  return `${id.tenant}/${id.series}/${id.period}`;
}

/** Who a number was issued to: the site and partition answer for it, the type says what kind of document. */
export interface Owner {
  readonly site: string;
  readonly partition: string;
  readonly type: string;
}

/** One string per owner, for maps. Names cannot contain the separator. */
export function ownerKey(owner: Owner): string {
  return `${owner.site}|${owner.partition}|${owner.type}`;
}

/** Whether two owners are the same; cheaper than comparing their keys. */
export function sameOwner(a: Owner, b: Owner): boolean {
  return a === b || (a.site === b.site && a.partition === b.partition && a.type === b.type);
}

/** The reverse of {@link ownerKey}. */
export function parseOwnerKey(key: string): Owner {
  const [site = '', partition = '', type = ''] = key.split('|');
  return { site, partition, type };
}

/** A place in the journal: the batch's sequence (from 1) and the fact's index in it (from 0). */
export interface Position {
  readonly sequence: number;
  readonly index: number;
}

/** The journal position as clients see it, for example `4711-3`. */
export function formatAllocationId(position: Position): string {
  return `${position.sequence}-${position.index}`;
}

const ALLOCATION_ID = /^([1-9]\d{0,15})-(0|[1-9]\d{0,8})$/;

/** Parses `4711-3`; `undefined` for anything else. */
export function parseAllocationId(text: string): Position | undefined {
  const match = ALLOCATION_ID.exec(text);
  if (match === null) return undefined;
  const sequence = Number(match[1]);
  const index = Number(match[2]);
  return Number.isSafeInteger(sequence) ? { sequence, index } : undefined;
}

/** Whether two positions are the same place. */
export function samePosition(a: Position, b: Position): boolean {
  return a.sequence === b.sequence && a.index === b.index;
}

/** Negative when `a` comes before `b` in the journal. */
export function comparePositions(a: Position, b: Position): number {
  return a.sequence - b.sequence || a.index - b.index;
}
