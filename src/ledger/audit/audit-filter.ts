import { EVENT_KINDS } from '../../core/document-event.ts';
import type { AuditFilter, LedgerFact } from '../../ports/ledger-reader.ts';
import type { JournalEntry } from '../../core/records.ts';
import { columnText, factRowsOf } from '../ledger-rows.ts';
import type { FactRow } from '../../ports/ledger-rows.ts';

/** Kinds of rows, as they can be asked for: those of facts, and the numbers that a raise imports. */
export const FACT_KINDS = [...EVENT_KINDS, 'import'] as const;

/** A journal entry's facts as the ledger will hold them. */
export function ledgerFactsOf({ batch, revision }: JournalEntry): LedgerFact[] {
  const node = columnText(batch.node)!;
  return factRowsOf(batch).map(row => ({ ...row, revision, node }));
}

/** Whether a filter takes a row: in memory what `audit-query.ts` says in SQL. */
export function takes(filter: AuditFilter, row: FactRow): boolean {
  const { site, partition, type, client, reference, key, kinds, from, to, numbers } = filter;
  return (
    (site === undefined || row.owner?.site === site) &&
    (partition === undefined || row.owner?.partition === partition) &&
    (type === undefined || row.owner?.type === type) &&
    (client === undefined || row.client === columnText(client)) &&
    (reference === undefined || row.reference === columnText(reference)) &&
    (key === undefined || row.key === columnText(key)) &&
    (kinds === undefined || kinds.includes(row.kind)) &&
    (from === undefined || row.time >= from) &&
    (to === undefined || row.time < to) &&
    (numbers === undefined || (row.last >= numbers.first && row.first <= numbers.last))
  );
}
