import type { Draft } from './draft.ts';
import type { JournalRecord } from './facts.ts';
import { type Head, initialHead, type SeriesSettings } from './head.ts';
import { EMPTY_PAGE, isEmptyPage, type Page } from './page.ts';
import { PageIndex } from './page-index.ts';
import type { Tally } from './tally.ts';
import type { Reservation, SeriesView } from './view.ts';
import { DEFAULT_WINDOW, RetryWindow, type WindowLimits } from './window.ts';

/** What a state is made from when it is loaded; it takes all of it over. */
export interface StateParts {
  readonly head: Head;
  readonly pages: Map<number, Page>;
  /** By allocation id, in the order they were made. */
  readonly reservations: Map<string, Reservation>;
  /** By owner key. */
  readonly tallies: Map<string, Tally>;
}

/**
 * The committed state of one series period. It changes only by {@link absorb}, with drafts whose batch is
 * known to be committed, in journal order.
 */
export class SeriesState implements SeriesView {
  readonly window: RetryWindow;
  private currentHead: Head;
  private readonly pages: Map<number, Page>;
  private readonly pooled = new PageIndex();
  private readonly held: Map<string, Reservation>;
  private readonly tallies: Map<string, Tally>;

  constructor(parts: StateParts, limits: WindowLimits = DEFAULT_WINDOW) {
    this.currentHead = parts.head;
    this.pages = parts.pages;
    this.held = parts.reservations;
    this.tallies = parts.tallies;
    const pooledIds: number[] = [];
    for (const [id, page] of this.pages) if (page.pooled.length > 0) pooledIds.push(id);
    this.pooled.reset(pooledIds);
    this.window = new RetryWindow(limits);
  }

  /** A series in which nothing happened yet. */
  static empty(settings: SeriesSettings, limits?: WindowLimits): SeriesState {
    return new SeriesState(
      { head: initialHead(settings), pages: new Map(), reservations: new Map(), tallies: new Map() },
      limits,
    );
  }

  get head(): Head {
    return this.currentHead;
  }

  get ingressFloor(): number {
    return this.window.ingressFloor;
  }

  page(id: number): Page {
    return this.pages.get(id) ?? EMPTY_PAGE;
  }

  /** Every page that is stored. */
  allPages(): Iterable<readonly [number, Page]> {
    return this.pages;
  }

  pooledPageFrom(id: number): number | undefined {
    return this.pooled.from(id);
  }

  reservation(id: string): Reservation | undefined {
    return this.held.get(id);
  }

  /** Every reservation, in the order they were made. */
  reservations(): Iterable<Reservation> {
    return this.held.values();
  }

  byKey(key: string): JournalRecord | undefined {
    return this.window.byKey(key);
  }

  byIngress(ingress: string, number: number): JournalRecord | undefined {
    return this.window.byIngress(ingress, number);
  }

  tally(owner: string): Tally | undefined {
    return this.tallies.get(owner);
  }

  owners(): Iterable<string> {
    return this.tallies.keys();
  }

  /**
   * Takes in a draft whose batch committed at `revision`. The draft must have been made on this state, or on
   * drafts that have been absorbed since.
   */
  absorb(draft: Draft, revision: number): void {
    this.currentHead = draft.seal();
    for (const [id, page] of draft.pages) {
      if (isEmptyPage(page)) this.pages.delete(id);
      else this.pages.set(id, page);
      if (page.pooled.length > 0) this.pooled.add(id);
    }
    this.pooled.trim(id => this.page(id).pooled.length === 0);
    for (const [id, reservation] of draft.reservations) {
      if (reservation === null) this.held.delete(id);
      else this.held.set(id, reservation);
    }
    for (const [owner, tally] of draft.tallies) this.tallies.set(owner, tally);
    for (const record of draft.records) {
      record.revision = revision;
      this.window.remember(record);
    }
    this.window.forget(this.currentHead.time);
  }
}
