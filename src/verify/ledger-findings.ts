/** Findings beyond these are only counted. */
export const FINDINGS_MAX = 100;

/**
 * What is wrong with a ledger.
 * - `missing`, `inserted`, `changed`, `duplicate`: rows that are not as the batches' bodies say.
 * - `unreadable`: a body that is no batch, so that nothing can be said of its rows.
 * - `chain`: a body whose hash is not the one beside it, or not the one that the next body names.
 * - `order`: times that fall, or a counter that does not go on where it was.
 * - `checkpoint`: the series' row is not where its last batch is.
 * - `journal`: another text than in etcd's journal.
 * - `ahead`, `forked`, `truncated`: ledger and etcd are not of one history.
 * - `state`: the facts do not make what etcd has stored.
 */
export type FindingKind =
  | 'missing'
  | 'inserted'
  | 'changed'
  | 'duplicate'
  | 'unreadable'
  | 'chain'
  | 'order'
  | 'checkpoint'
  | 'journal'
  | 'ahead'
  | 'forked'
  | 'truncated'
  | 'state';

/** One thing that is wrong, and where. */
export interface LedgerFinding {
  readonly kind: FindingKind;
  /** The ledger's table, or what of etcd it is about. */
  readonly table: 'batches' | 'facts' | 'series' | 'journal' | 'head';
  readonly sequence: number | null;
  /** The fact in the batch, from 0. */
  readonly index: number | null;
  readonly part: number | null;
  /** One sentence that says all of it, for people. */
  readonly detail: string;
}

/** What is said of a finding besides its sentence; for a row of `facts` index and part, too. */
export interface FindingPlace {
  readonly table: LedgerFinding['table'];
  readonly sequence?: number;
  readonly index?: number;
  readonly part?: number;
}

/** Gathers findings: the first {@link FINDINGS_MAX} in full, all of them counted. */
export class Findings {
  readonly list: LedgerFinding[] = [];
  /** All of them. */
  count = 0;
  private readonly told: ((finding: LedgerFinding) => void) | undefined;

  /** @param told of each that is kept in full, at once */
  constructor(told?: (finding: LedgerFinding) => void) {
    this.told = told;
  }

  add(kind: FindingKind, { table, sequence, index, part }: FindingPlace, detail: string): void {
    this.count += 1;
    if (this.list.length >= FINDINGS_MAX) return;
    const finding = {
      kind,
      table,
      sequence: sequence ?? null,
      index: index ?? null,
      part: part ?? null,
      detail,
    };
    this.list.push(finding);
    this.told?.(finding);
  }

  /** Counts some more that are not kept. */
  addUnnamed(count: number): void {
    this.count += count;
  }
}
