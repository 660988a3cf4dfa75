import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describePostgres, findPostgres } from '../../../scripts/lib/postgres-binary.mjs';
import { startPostgresServer } from '../../../scripts/lib/postgres-server.mjs';
import { importBuilt } from '../built.mjs';
import { LoadProcess } from '../load-process.mjs';
import { makeScratch } from '../scratch.mjs';
import { startBenchEtcd } from '../servers/bench-etcd.mjs';
import { NEXT_PATH, OWNER } from '../servers/seqd-request.mjs';
import { startSeqdNodes } from '../servers/seqd-nodes.mjs';
import { shortNumber } from '../text-table.mjs';

const WANTED_PER_SECOND = 20_000;
const CONNECTIONS = 256;
const NODES = 2;
const SLICE_MS = 5_000;
const POLL_MS = 20;
const CATCH_UP_SECONDS_MAX = 300;
/** Nothing is pruned and nothing refused while the ledger is not there. */
const ROOM = { SEQD_JOURNAL_BATCHES_MAX: '1000000', SEQD_JOURNAL_MEGABYTES_MAX: '1024' };

/**
 * How fast the journal is written to PostgreSQL: first allocations are made over HTTP, one number a request, each with a document
 * reference of its client, by nodes without a ledger; then nodes with one catch up. And how far the ledger is behind while such
 * requests come as fast as they are answered.
 *
 * @param {import('../../ledger.mjs').LedgerBenchOptions} options
 * @returns {Promise<import('../../ledger.mjs').LedgerBenchResult>}
 */
export async function measureProjection({ directory, numbers, log }) {
  const allocations = Math.ceil(numbers / 25);
  const binary = await findPostgres();
  if (binary === undefined) throw new Error('no PostgreSQL runs here');
  const server = await startPostgresServer({ binary, directory: await makeScratch('ledger-postgres') });
  const etcd = await startBenchEtcd({ directory, log });
  const load = new LoadProcess();
  const options = { endpoints: etcd.cluster.endpoints, cluster: `bench-${randomUUID()}`, directory };
  try {
    await migrateUp(server.url);
    await withNodes({ ...options, env: { ...ROOM, SEQD_LEDGER_URL: 'null' } }, async node => {
      for (let made = 0; made < allocations; made = await sequenceOf(node.url)) {
        log(`${made} of ${allocations} allocations`);
        await draw(load, node.url, Math.min(SLICE_MS, allocations / 10));
      }
    });
    return await withNodes({ ...options, env: { ...ROOM, SEQD_LEDGER_URL: server.url } }, async node => {
      const catchUp = await measureCatchUp(node.url);
      log('and while numbers are drawn');
      const figures = await draw(load, node.url, 2 * SLICE_MS);
      const lag = await ledgerOf(node.url);
      const perSecond = catchUp.allocations / catchUp.seconds;
      return {
        title: `the journal into PostgreSQL ${describePostgres(binary)}, etcd ${etcd.version}`,
        rows: [
          ['', 'measured', 'wanted'],
          [
            `catching up with ${shortNumber(catchUp.allocations)} allocations, allocations/s`,
            shortNumber(Math.round(perSecond)),
            `≥ ${shortNumber(WANTED_PER_SECOND)}`,
          ],
          ['drawn at the same time as projected, numbers/s', shortNumber(Math.round(figures.perSecond)), ''],
          ['behind at the end of that, seconds', lag.lagSeconds.toFixed(2), ''],
        ],
        well: perSecond >= WANTED_PER_SECOND,
        figures: { ...catchUp, perSecond, drawnPerSecond: figures.perSecond, lag },
      };
    });
  } finally {
    load.close();
    await etcd.cluster.close();
    await server.stop();
  }
}

/** @param {string} url */
async function migrateUp(url) {
  const { migrateUp: up } = await importBuilt('ledger/postgres/migrations.js');
  await up({ url, schema: 'seqd' });
}

/**
 * @template T
 * @param {import('../../../scripts/lib/seqd-process.mjs').SeqdClusterOptions} options
 * @param {(node: { url: string }) => Promise<T>} use
 */
async function withNodes(options, use) {
  const nodes = await startSeqdNodes(NODES, options);
  try {
    return await use(await nodes.leader());
  } finally {
    await nodes.close();
  }
}

/** @param {LoadProcess} load @param {string} url @param {number} ms */
async function draw(load, url, ms) {
  // No two neighbours say the same, so none share a row.
  const body = Array.from({ length: CONNECTIONS }, (_, i) =>
    JSON.stringify({ ...OWNER, reference: `contract ${4_711 + i}`, clientId: 'billing-run' }),
  );
  const { figures } = await load.run({
    load: 'http',
    numbersEach: 1,
    options: { urls: [`${url}${NEXT_PATH}`], body, connections: CONNECTIONS, ms, numbered: true },
  });
  return figures;
}

/** @param {string} url */
async function statsOf(url) {
  const answer = await fetch(`${url}/api/v1/sequence/stats`, { headers: { connection: 'close' } });
  return /** @type {Promise<any>} */ (answer.json());
}

/** @param {string} url */
const sequenceOf = async url => (await statsOf(url)).next - 1;

/** @param {string} url */
async function ledgerOf(url) {
  return (await statsOf(url)).ledger;
}

/** @param {string} url @returns {Promise<{ allocations: number, seconds: number }>} the election of the projector is in it */
async function measureCatchUp(url) {
  const startedMs = performance.now();
  const allocations = await sequenceOf(url);
  for (;;) {
    const ledger = await ledgerOf(url);
    const seconds = (performance.now() - startedMs) / 1_000;
    if (ledger.state === 'ok' && ledger.lagBatches === 0) return { allocations, seconds };
    if (seconds > CATCH_UP_SECONDS_MAX)
      throw new Error(`the ledger does not catch up: ${JSON.stringify(ledger)}`);
    await sleep(POLL_MS);
  }
}
