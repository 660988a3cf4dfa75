import type { AuditOrder, FactPlace, LedgerFact } from '../../ports/ledger-reader.ts';
import { expand } from './expand.ts';

/** Where to go on: at this row, after this number of it. */
export interface AuditPoint extends FactPlace {
  readonly number: number;
}

/** How rows are laid out in pages. */
export interface PageLayout {
  readonly limit: number;
  readonly order: AuditOrder;
  /** Runs are cut to one number a row. */
  readonly expanded: boolean;
  /** Where the page before has ended; the first page when left out. */
  readonly after?: AuditPoint | undefined;
}

/** No fact of a batch has so high an index, and a cursor can carry it. */
const INDEX_MAX = 2 ** 31 - 1;

/** Gathers rows in their order until there is one more than fits. */
export class RowPage {
  readonly facts: LedgerFact[] = [];
  private readonly layout: PageLayout;
  private full = false;
  private paused: AuditPoint | null = null;
  /** The row, not the number of it, that the last one taken belongs to. */
  private place: FactPlace | undefined;

  constructor(layout: PageLayout) {
    this.layout = layout;
  }

  /** Nothing more belongs on this page. */
  get isClosed(): boolean {
    return this.full || this.paused !== null;
  }

  /** Where the next page begins; `null` while nothing was left over. */
  get next(): AuditPoint | null {
    if (!this.full) return this.paused;
    const { time, sequence, part, first, last } = this.facts.at(-1)!;
    const { index } = this.place!;
    return { time, sequence, index, part, number: this.layout.order === 'asc' ? last : first };
  }

  add(row: LedgerFact): void {
    const { limit, order, expanded } = this.layout;
    const rest = this.restOf(row);
    if (rest === undefined) return;
    for (const one of expanded ? expand(rest, order) : [rest]) {
      if (this.facts.length === limit) {
        this.full = true;
        return;
      }
      this.facts.push(one);
      this.place = row;
    }
  }

  /** Ends the page after a whole batch, although it is not full: there are more batches, and enough was looked through. */
  pauseAfter({ sequence, time }: { readonly sequence: number; readonly time: number }): void {
    const index = this.layout.order === 'asc' ? INDEX_MAX : 0;
    this.paused = { time, sequence, index, part: 0, number: 0 };
  }

  /** What is left of the row that the page before ended in; all of any later one. */
  private restOf(row: LedgerFact): LedgerFact | undefined {
    const { after, order } = this.layout;
    if (after === undefined) return row;
    const place = row.sequence - after.sequence || row.index - after.index || row.part - after.part;
    if (place !== 0) return place > 0 === (order === 'asc') ? row : undefined;
    const first = order === 'asc' ? Math.max(row.first, after.number + 1) : row.first;
    const last = order === 'asc' ? row.last : Math.min(row.last, after.number - 1);
    if (first > last) return undefined;
    return row.facts > 1
      ? { ...row, first, last, index: row.index + first - row.first, facts: last - first + 1 }
      : { ...row, first, last };
  }
}
