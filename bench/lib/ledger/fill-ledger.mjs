/** Facts of a batch. */
const BATCH = 100;
/** Months that the numbers are spread over, a partition each. */
export const MONTHS = 24;
/** One number in so many was given back and reissued. */
export const RETURNED_EACH = 100;

/**
 * Fills an empty ledger with numbers drawn one by one, each for a document with a name of its own, so that none of them share a
 * row: the most rows that so many numbers can have. Made in PostgreSQL, since only what is read of it is measured.
 *
 * @param {import('pg').Pool} pool
 * @param {{ cluster: string, numbers: number, log: (line: string) => void }} options
 * @returns {Promise<{ sequence: number, time: number }>} the last batch, and its time in Unix milliseconds
 */
export async function fillLedger(pool, { cluster, numbers, log }) {
  const batches = Math.ceil(numbers / BATCH);
  const share = Math.ceil(batches / MONTHS);
  const { rows } = await pool.query(
    `INSERT INTO series (cluster, tenant, series, period, sequence, next) VALUES ($1, 'default', 'global', 'all', $2, $3) RETURNING id`,
    [cluster, batches, numbers + 1],
  );
  const id = rows[0].id;
  await pool.query(
    `INSERT INTO owners (site, partition, type) SELECT 'site-' || s, 'partition-' || p, 'on-cycle' FROM generate_series(1, 2) s, generate_series(1, 2) p`,
  );
  let time = 0;
  for (let month = 0; month < MONTHS; month += 1) {
    const begin = new Date(Date.UTC(2024, month, 1));
    const end = new Date(Date.UTC(2024, month + 1, 1));
    for (const table of ['batches', 'facts'])
      await pool.query(
        `CREATE TABLE ${table}_${begin.toISOString().slice(0, 7).replace('-', '_')} PARTITION OF ${table}
           FOR VALUES FROM ('${begin.toISOString()}') TO ('${end.toISOString()}')`,
      );
    const first = month * share + 1;
    const last = Math.min(batches, (month + 1) * share);
    if (first > last) continue;
    const values = [id, first, last, begin.toISOString(), BATCH, numbers];
    const at = `$4::timestamptz + (b - $2) * interval '1 second'`;
    await pool.query(
      `INSERT INTO batches (series_id, sequence, time, revision, node, next, chain, facts, body)
       SELECT $1, b, ${at}, b + 1000, 'site-1-partition-a-1', (b - 1) * $5 + 1, md5(b::text) || md5(b::text), $5, '{}' || left($6::text, 0)
       FROM generate_series($2::bigint, $3::bigint) b`,
      values,
    );
    await pool.query(
      `INSERT INTO facts (series_id, sequence, index, part, time, kind, facts, first, last, fresh, owner_id, client, trace, reference)
       SELECT $1, b, i, 0, ${at}, 'issue', 1, n, n, true, 1 + n % 4, 'erp-' || n % 10, 'trace-' || n, 'INV-' || n
       FROM generate_series($2::bigint, $3::bigint) b, generate_series(0, $5::integer - 1) i, LATERAL (SELECT (b - 1) * $5 + i + 1 AS n) x
       WHERE n <= $6`,
      values,
    );
    await pool.query(
      `INSERT INTO facts (series_id, sequence, index, part, time, kind, facts, first, last, fresh, owner_id, target, allocation_sequence, allocation_index, reason, reference)
       SELECT $1, b, 1000 + i, 0, ${at}, CASE i WHEN 0 THEN 'release' ELSE 'issue' END, 1, n, n, false, 1 + n % 4,
         CASE i WHEN 0 THEN 'pool' END, CASE i WHEN 0 THEN b END, CASE i WHEN 0 THEN 0 END, CASE i WHEN 0 THEN 'cancelled' END, CASE i WHEN 1 THEN 'INV-' || n || 'b' END
       FROM generate_series($2::bigint, $3::bigint) b, generate_series(0, 1) i, LATERAL (SELECT (b - 1) * $5 + 1 AS n) x
       WHERE n <= $6`,
      values,
    );
    time = begin.getTime() + (last - first) * 1_000;
    log(`filled ${Math.min(last * BATCH, numbers).toLocaleString('en')} numbers`);
  }
  await pool.query('VACUUM ANALYZE');
  return { sequence: batches, time };
}
