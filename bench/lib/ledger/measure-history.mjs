import { randomUUID } from 'node:crypto';
import { describePostgres, findPostgres } from '../../../scripts/lib/postgres-binary.mjs';
import { startPostgresServer } from '../../../scripts/lib/postgres-server.mjs';
import { importBuilt } from '../built.mjs';
import { makeScratch } from '../scratch.mjs';
import { startBenchEtcd } from '../servers/bench-etcd.mjs';
import { shortNumber } from '../text-table.mjs';
import { fillLedger, MONTHS, RETURNED_EACH } from './fill-ledger.mjs';

const SAMPLES = 5_000;
const WARM_UP = 500;
const WANTED_MS = 5;

/**
 * How long a number's history takes, of numbers anywhere in a ledger of many, one after the other: PostgreSQL by itself, and
 * together with what etcd is asked, as a node answers it.
 *
 * @param {import('../../ledger.mjs').LedgerBenchOptions} options
 * @returns {Promise<import('../../ledger.mjs').LedgerBenchResult>}
 */
export async function measureHistory({ directory, numbers, log }) {
  const binary = await findPostgres();
  if (binary === undefined) throw new Error('no PostgreSQL runs here');
  const server = await startPostgresServer({ binary, directory: await makeScratch('ledger-postgres') });
  const etcd = await startBenchEtcd({ directory, log });
  const cluster = `bench-${randomUUID()}`;
  const { pool, reader, store, connection, series, readNumberLife } = await open(server.url, {
    endpoints: etcd.cluster.endpoints,
    cluster,
  });
  try {
    const startedMs = performance.now();
    const { sequence, time } = await fillLedger(pool, { cluster, numbers, log });
    const fillSeconds = (performance.now() - startedMs) / 1_000;
    await writeHead(store, series, { sequence, time, numbers });
    const anywhere = () => 1 + Math.floor(Math.random() * numbers);
    const returned = () => 1 + RETURNED_EACH * Math.floor((Math.random() * numbers) / RETURNED_EACH);
    const ask = /** @param {number} number */ number =>
      reader.factsOf(series, number, { through: sequence, limit: 100 });
    const tell = /** @param {number} number */ number =>
      readNumberLife({ store, series, reader }, number, { limit: 100 });
    const measured = {
      'a number drawn once, PostgreSQL': await measure(() => ask(anywhere())),
      'a number reissued, PostgreSQL': await measure(() => ask(returned())),
      'a number drawn once, with etcd': await measure(() => tell(anywhere())),
      'a number reissued, with etcd': await measure(() => tell(returned())),
    };
    const check = await tell(returned());
    const evidenceStartedMs = performance.now();
    await reader.evidence(series, { first: 1, last: numbers }, { through: sequence });
    const evidenceMs = performance.now() - evidenceStartedMs;
    const { rows: size } = await pool.query(
      "SELECT sum(pg_total_relation_size(inhrelid))::bigint AS bytes FROM pg_inherits WHERE inhparent IN ('facts'::regclass, 'batches'::regclass)",
    );
    const well = check.events.length === 3 && Object.values(measured).every(({ p50 }) => p50 < WANTED_MS);
    return {
      title: `the life of one of ${shortNumber(numbers)} numbers, ${MONTHS} monthly partitions, PostgreSQL ${describePostgres(binary)}, etcd ${etcd.version}, ${(Number(size[0].bytes) / 1e9).toFixed(1)} GB, filled in ${fillSeconds.toFixed(0)} s`,
      rows: [
        ['', 'p50 ms', 'p99 ms', 'max ms', 'wanted'],
        ...Object.entries(measured).map(([what, { p50, p99, max }]) => [
          what,
          p50.toFixed(2),
          p99.toFixed(2),
          max.toFixed(1),
          `p50 < ${WANTED_MS}`,
        ]),
        ['all numbers for a report, PostgreSQL, once', evidenceMs.toFixed(0), '', '', ''],
      ],
      well,
      figures: { measured, evidenceMs, fillSeconds, bytes: size[0].bytes },
    };
  } finally {
    await Promise.all([reader.close(), pool.end()]);
    connection.close();
    await server.stop();
    await etcd.cluster.close();
  }
}

/** @param {string} url @param {{ endpoints: readonly string[], cluster: string }} options */
async function open(url, { endpoints, cluster }) {
  /** @type {typeof import('../../../src/ledger/postgres/ledger-pool.ts')} */
  const { createLedgerPool } = await importBuilt('ledger/postgres/ledger-pool.js');
  /** @type {typeof import('../../../src/ledger/postgres/open-postgres-ledger-reader.ts')} */
  const { createReaderPool } = await importBuilt('ledger/postgres/open-postgres-ledger-reader.js');
  /** @type {typeof import('../../../src/ledger/postgres/migrations.ts')} */
  const { migrateUp } = await importBuilt('ledger/postgres/migrations.js');
  /** @type {typeof import('../../../src/ledger/postgres/postgres-ledger-reader.ts')} */
  const { PostgresLedgerReader } = await importBuilt('ledger/postgres/postgres-ledger-reader.js');
  /** @type {typeof import('../../../src/ledger/life/number-life.ts')} */
  const { readNumberLife } = await importBuilt('ledger/life/number-life.js');
  /** @type {typeof import('../../../src/store/etcd/open-etcd-store.ts')} */
  const { openEtcdStore } = await importBuilt('store/etcd/open-etcd-store.js');
  /** @type {typeof import('../../../src/core/identifiers.ts')} */
  const { GLOBAL_SERIES } = await importBuilt('core/identifiers.js');
  const options = {
    url,
    schema: 'seqd',
    poolMax: 4,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 0,
    tls: null,
    caFile: null,
  };
  await migrateUp(options);
  const pool = createLedgerPool(options);
  const { store, connection } = openEtcdStore({ endpoints, cluster, callTimeoutMs: 5_000 });
  return {
    pool,
    reader: new PostgresLedgerReader({ pool: createReaderPool(options), cluster }),
    store,
    connection,
    series: GLOBAL_SERIES,
    readNumberLife,
  };
}

/**
 * Makes the series in etcd, as it would stand after all that.
 *
 * @param {import('../../../src/ports/sequence-store.ts').SequenceStore} store
 * @param {import('../../../src/core/identifiers.ts').SeriesId} series
 * @param {{ sequence: number, time: number, numbers: number }} end
 */
async function writeHead(store, series, { sequence, time, numbers }) {
  /** @type {typeof import('../../../src/core/head.ts')} */
  const { encodeHead, initialHead } = await importBuilt('core/head.js');
  const settings = {
    start: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    reuse: /** @type {const} */ ('lowest-first'),
  };
  const head = { ...initialHead(settings), sequence, time, next: numbers + 1, issued: numbers };
  const outcome = await store.commit({
    series,
    expectedHead: null,
    puts: [{ key: 'head', value: encodeHead(head) }],
    deletes: [],
    journalKey: 'journal/0',
  });
  if (outcome.status !== 'committed') throw new Error(`the head was not written: ${outcome.status}`);
}

/** @param {() => Promise<unknown>} work @returns {Promise<{ p50: number, p99: number, max: number }>} milliseconds */
async function measure(work) {
  const samples = new Float64Array(SAMPLES);
  for (let i = -WARM_UP; i < SAMPLES; i += 1) {
    const startedMs = performance.now();
    await work();
    if (i >= 0) samples[i] = performance.now() - startedMs;
  }
  samples.sort();
  const at = /** @param {number} share */ share => samples[Math.ceil(SAMPLES * share) - 1] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
