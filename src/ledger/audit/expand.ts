import type { AuditOrder, LedgerFact } from '../../ports/ledger-reader.ts';

/** A row for each number; ranges that belong to nobody, which may be 2^53 long, stay as they are. */
export function* expand(row: LedgerFact, order: AuditOrder = 'asc'): Generator<LedgerFact> {
  const { first, last, index, facts } = row;
  if (row.owner === null || first === last) {
    yield row;
    return;
  }
  const step = order === 'asc' ? 1 : -1;
  for (let number = order === 'asc' ? first : last; number >= first && number <= last; number += step)
    yield {
      ...row,
      first: number,
      last: number,
      facts: 1,
      index: facts > 1 ? index + number - first : index,
    };
}
