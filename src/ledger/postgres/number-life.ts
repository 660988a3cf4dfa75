import type { Position } from '../../core/identifiers.ts';
import { PAGE_SIZE } from '../../core/page.ts';
import { FACT_COLUMNS, SELECTED, WITH_BATCH_AND_OWNER } from './fact-rows.ts';
import { WHOLE_FROM } from './ledger-holes.ts';
import type { Statement } from './statement.ts';

/**
 * The rows that speak of one number, in one statement and so at one moment with the series' position.
 *
 * Fresh rows never overlap, nor do the gaps of imports: of those that end at or after the number the first is the only
 * candidate, so one row is read of each partition's index, however long it is. All other rows are no longer than a page, so they end
 * less than a page after the number: their index is read between two bounds.
 *
 * Always gives one row at least; without facts it has the position only.
 */
export function numberLifeStatement(
  seriesId: number,
  number: number,
  { through, after, limit }: { through: number; after?: Position | undefined; limit: number },
): Statement {
  return {
    name: 'number life',
    text: `
SELECT s.sequence AS position, ${WHOLE_FROM} AS whole_from, ${SELECTED}
FROM series s
LEFT JOIN LATERAL (
  SELECT * FROM (
    (SELECT ${FACT_COLUMNS} FROM facts
     WHERE series_id = $1 AND fresh AND last >= $2 ORDER BY last LIMIT 1)
    UNION ALL
    (SELECT ${FACT_COLUMNS} FROM facts
     WHERE series_id = $1 AND kind = 'adopt' AND last >= $2 ORDER BY last LIMIT 1)
    UNION ALL
    (SELECT ${FACT_COLUMNS} FROM facts
     WHERE series_id = $1 AND NOT fresh AND kind <> 'adopt' AND last >= $2 AND last < $2::bigint + ${PAGE_SIZE} AND first <= $2)
  ) found
  WHERE first <= $2 AND sequence <= $3
    AND (sequence, index + CASE WHEN facts > 1 THEN $2 - first ELSE 0 END) > ($4::bigint, $5::bigint)
  ORDER BY sequence, index, part
  LIMIT $6
) f ON true
${WITH_BATCH_AND_OWNER}
WHERE s.id = $1
ORDER BY f.sequence, f.index, f.part`,
    values: [seriesId, number, through, after?.sequence ?? 0, after?.index ?? 0, limit],
  };
}
