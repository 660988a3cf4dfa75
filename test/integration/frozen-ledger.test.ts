import { expect, onTestFinished, test } from 'vitest';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { freezePostgres } from '../kit/frozen-postgres.ts';
import { HttpClient } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { ownPostgres } from '../kit/postgres.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { until } from '../kit/until.ts';

/** What a statement may take, and so who waits for the ledger itself. */
const STATEMENT_MS = 30_000;
/** Far less than that; how long each question waits, about as long as a client does, is asserted where nothing else takes time. */
const ANSWERED_MS = STATEMENT_MS / 2;

test('a PostgreSQL that stands still keeps nobody waiting, and everything goes on with it', async () => {
  const postgres = await ownPostgres();
  const tls = { tls: null, caFile: null };
  await migrateUp({
    url: postgres.url,
    schema: 'seqd',
    connectTimeoutMs: 5_000,
    statementTimeoutMs: STATEMENT_MS,
    ...tls,
  });
  const [node] = await startTestNodes(1, {
    endpoints: sharedEndpoints(),
    cluster: uniqueCluster(),
    settings: { 'sequence.ledger.url': postgres.url },
  });
  onTestFinished(() => node!.close());
  const http = new HttpClient();
  onTestFinished(() => http.close());
  const api = new SequenceApi(node!.url, http);
  await api.next({ count: 20, contiguous: true });
  await api.release(3);
  await api.next();
  const inLedger = async (): Promise<void> => {
    await until('the ledger has everything', async () => {
      const { body } = await api.get('/api/v1/numbers/1');
      return body.ledger?.batch === body.journal.batch;
    });
  };
  await inLedger();
  // Sessions that hang are worse than those that cannot be opened.
  await Promise.all(Array.from({ length: 8 }, () => api.get('/api/v1/numbers/3')));

  const thaw = freezePostgres(postgres);
  const asked = async (path: string): ReturnType<typeof api.get> => {
    const begin = performance.now();
    const answer = await api.get(path);
    expect(performance.now() - begin, path).toBeLessThan(ANSWERED_MS);
    return answer;
  };
  // More than there are connections, of which some could be opened anew.
  const lives = Array.from({ length: 12 }, (_, i) => asked(`/api/v1/numbers/${i + 1}`));
  const others = ['/api/v1/numbers/21', '/api/v1/audit?order=desc', '/api/v1/audit?siteId=site-9'].map(asked);
  expect(await api.next()).toMatchObject({ status: 200 });
  for (const life of await Promise.all(lives)) {
    expect(life).toMatchObject({ status: 200, body: { ledger: null, complete: true, consistent: true } });
  }
  const [drawnSince, page, unknownOwner] = await Promise.all(others);
  expect([200, 404]).toContain(drawnSince!.status);
  for (const refused of [page, unknownOwner])
    expect(refused).toMatchObject({ status: 503, body: { code: 'ledger_unavailable', retry: 'later' } });

  thaw();
  const begin = performance.now();
  await inLedger();
  expect(performance.now() - begin).toBeLessThan(8_000);
  expect(await asked('/api/v1/audit?order=desc&limit=1')).toMatchObject({ status: 200 });
});
