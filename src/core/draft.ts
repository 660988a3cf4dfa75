import { invariant } from './errors.ts';
import type { JournalRecord } from './facts.ts';
import type { Head, MutableHead } from './head.ts';
import { formatAllocationId } from './identifiers.ts';
import { copyPage, type MutablePage, type Page } from './page.ts';
import { PageIndex } from './page-index.ts';
import { addTallyChange, type Tally } from './tally.ts';
import type { Reservation, SeriesView } from './view.ts';

/**
 * Changes on top of a view that is left untouched: what a batch would make of the series. Drafts stack, so
 * that the next batch can be planned while this one is being committed; a draft whose commit fails is
 * simply dropped, with all that were stacked on it.
 */
export class Draft implements SeriesView {
  /** May be changed by whoever fills the draft. */
  readonly head: MutableHead;
  private base: SeriesView;
  /** `null` for a reservation that ended. */
  readonly reservations = new Map<string, Reservation | null>();
  readonly tallies = new Map<string, Tally>();
  /** One for each fact, in journal order. */
  readonly records: JournalRecord[] = [];
  private readonly keys = new Map<string, JournalRecord>();
  private readonly ingressIds = new Map<string, JournalRecord>();
  private readonly ownPages = new Map<number, MutablePage>();
  /** Of all own pages, whether or not they have numbers in the pool. */
  private readonly ownPageIds = new PageIndex();
  private sealed = false;

  constructor(base: SeriesView) {
    this.base = base;
    this.head = { ...base.head };
  }

  get ingressFloor(): number {
    return this.base.ingressFloor;
  }

  /** Those that the draft changes. */
  get pages(): ReadonlyMap<number, Page> {
    return this.ownPages;
  }

  page(id: number): Page {
    return this.ownPages.get(id) ?? this.base.page(id);
  }

  /** The draft's own copy of a page, to be changed in place until the draft is sealed. */
  editPage(id: number): MutablePage {
    // The state that absorbs a sealed draft takes its pages as they are.
    invariant(!this.sealed, 'a sealed draft does not change');
    let page = this.ownPages.get(id);
    if (page === undefined) {
      page = copyPage(this.base.page(id));
      this.ownPages.set(id, page);
      this.ownPageIds.add(id);
    }
    return page;
  }

  pooledPageFrom(id: number): number | undefined {
    const own = this.ownPageIds.from(id);
    const below = this.base.pooledPageFrom(id);
    return own === undefined || (below !== undefined && below < own) ? below : own;
  }

  reservation(id: string): Reservation | undefined {
    const own = this.reservations.get(id);
    return own === undefined ? this.base.reservation(id) : (own ?? undefined);
  }

  addReservation(reservation: Reservation): void {
    this.reservations.set(formatAllocationId(reservation.position), reservation);
  }

  endReservation(id: string): void {
    this.reservations.set(id, null);
  }

  byKey(key: string): JournalRecord | undefined {
    return this.keys.get(key) ?? this.base.byKey(key);
  }

  byIngress(ingress: string, number: number): JournalRecord | undefined {
    return this.ingressIds.get(`${ingress}:${number}`) ?? this.base.byIngress(ingress, number);
  }

  addRecord(record: JournalRecord): void {
    const { key, ingress, ingressNumber } = record.fact;
    this.records.push(record);
    addTallyChange(this.tallies, record.fact, owner => this.tally(owner));
    if (key !== undefined) this.keys.set(key, record);
    if (ingress !== undefined) this.ingressIds.set(`${ingress}:${ingressNumber}`, record);
  }

  tally(owner: string): Tally | undefined {
    return this.tallies.get(owner) ?? this.base.tally(owner);
  }

  *owners(): Generator<string> {
    const seen = new Set<string>();
    for (const owner of this.base.owners()) {
      seen.add(owner);
      yield owner;
    }
    for (const owner of this.tallies.keys()) if (!seen.has(owner)) yield owner;
  }

  /**
   * Puts the draft on another base that reads the same: the state, once it has absorbed the draft below this
   * one. Keeps the stack as short as what is under way.
   */
  rebase(base: SeriesView): void {
    this.base = base;
  }

  /** Ends the change: head and pages are read-only from here on. */
  seal(): Head {
    this.sealed = true;
    return Object.freeze(this.head);
  }
}
