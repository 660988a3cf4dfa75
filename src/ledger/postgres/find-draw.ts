import type { Owner } from '../../core/identifiers.ts';
import type { FreshOwner } from '../../core/requests.ts';
import type { Queryable } from './borrowed-connection.ts';

interface DrawRow extends Owner {
  readonly sequence: number;
  readonly index: number;
  readonly facts: number;
  readonly first: number;
}

/** Who drew a number from the counter; `undefined` when no batch in the ledger did. */
export async function findDraw(
  ledger: Queryable,
  seriesId: number,
  number: number,
): Promise<FreshOwner | undefined> {
  // Rows that are fresh never overlap, so only the first that ends at or after the number can hold it.
  const { rows } = await ledger.query<DrawRow>(
    `SELECT sequence, index, facts, first, site, partition, type
     FROM (SELECT * FROM facts WHERE series_id = $1 AND fresh AND last >= $2 ORDER BY last LIMIT 1) AS candidate
     JOIN owners ON owners.id = owner_id
     WHERE first <= $2`,
    [seriesId, number],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { site, partition, type } = row;
  // In a run each number is a fact of its own.
  const index = row.facts === 1 ? row.index : row.index + (number - row.first);
  return { allocation: { sequence: row.sequence, index }, owner: { site, partition, type } };
}
