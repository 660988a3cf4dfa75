import { expect, onTestFinished, test } from 'vitest';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { freshDatabase, query } from '../kit/postgres.ts';
import { pruneJournal } from '../kit/pruned-journal.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { until } from '../kit/until.ts';
import { type CliRun, run } from '../unit/cli/run.ts';

/** A series of one node, which is started again with and without its ledger. */
class Place {
  readonly endpoints = sharedEndpoints();
  readonly cluster = uniqueCluster();
  readonly database: string;
  api!: SequenceApi;
  private node: SeqdNode | undefined;
  private readonly http = new HttpClient();

  constructor(database: string) {
    this.database = database;
    onTestFinished(async () => {
      this.http.close();
      await this.node?.close();
    });
  }

  async restart(settings: Readonly<Record<string, string>>): Promise<void> {
    await this.node?.close();
    const { endpoints, cluster } = this;
    [this.node] = await startTestNodes(1, { endpoints, cluster, settings });
    this.api = new SequenceApi(this.node!.url, this.http);
  }

  withLedger(): Promise<void> {
    return this.restart({ 'sequence.ledger.url': this.database });
  }

  async draw(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) expect(await this.api.next()).toMatchObject({ status: 200 });
  }

  seqd(...args: string[]): Promise<CliRun> {
    const place = ['--cluster', this.cluster, '--etcd-endpoints', this.endpoints.join(',')];
    return run([...args, ...place], { env: { DATABASE_URL: this.database } });
  }

  /** Waits until the ledger has all there is. @returns how many batches that is */
  async caughtUp(): Promise<number> {
    let batches = 0;
    await until('the ledger has everything', async () => {
      const { body } = await this.api.get('/api/v1/sequence/stats');
      batches = body.journal.sequence;
      return body.ledger.state === 'ok' && body.ledger.position === batches;
    });
    return batches;
  }
}

async function openPlace(): Promise<Place> {
  const url = await freshDatabase();
  const timeouts = { connectTimeoutMs: 5_000, statementTimeoutMs: 30_000 };
  await migrateUp({ url, schema: 'seqd', ...timeouts, tls: null, caFile: null });
  const place = new Place(url);
  await place.withLedger();
  return place;
}

test('a ledger is given up only once nobody writes to it, and given back it goes on where the journal does', async () => {
  const place = await openPlace();
  await place.draw(10);
  await place.caughtUp();
  expect(await place.seqd('ledger', 'forget')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--yes'),
  });
  expect(await place.seqd('ledger', 'forget', '--yes')).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('a node writes to the ledger, so nothing was changed'),
  });
  await place.restart({});
  await place.draw(10);
  const waits = async (): Promise<unknown> =>
    (await place.api.get('/api/v1/sequence/stats')).body.ledger.state;
  expect(await waits()).not.toBe('none');
  expect(await place.seqd('ledger', 'forget', '--yes')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('the journal waits for it no more'),
  });
  const again = await place.seqd('ledger', 'forget', '--yes', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ cluster: place.cluster, outcome: 'none' });
  await until('the node knows', async () => (await waits()) === 'none');

  await place.withLedger();
  await place.draw(10);
  await place.caughtUp();
  expect(await place.seqd('verify', '--ledger')).toMatchObject({ exitCode: 0 });
});

test('a ledger that is given back too late goes on only when somebody has accepted what it will never have', async () => {
  const place = await openPlace();
  await place.draw(10);
  const ended = await place.caughtUp();
  await place.restart({});
  expect(await place.seqd('ledger', 'forget', '--yes')).toMatchObject({ exitCode: 0 });
  await place.draw(20);
  const first = ended + 11;
  await pruneJournal(first, place);

  await place.withLedger();
  await until('the contradiction is known', async () => {
    const { body } = await place.api.get('/api/v1/sequence/stats');
    return body.ledger.state === 'diverged';
  });
  // No number is in danger.
  await place.draw(1);
  const hole = `batches ${ended + 1} to ${first - 1}`;
  for (const how of ['--dry-run', '--yes'])
    expect(await place.seqd('recover', how)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`${hole} are in neither`),
    });
  expect(await place.seqd('recover', '--accept-hole', '--dry-run')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('nothing was changed'),
  });
  expect(await place.seqd('recover', '--accept-hole', '--yes', '--actor', 'ann')).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining(`${hole} are lost for good`),
  });
  await place.draw(5);
  await place.caughtUp();
  const verified = await place.seqd('verify', '--ledger');
  expect(verified).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining(`documented hole: ${hole}`),
  });
  expect(await query(place.database, 'SELECT actor, reason FROM seqd.ledger_holes')).toEqual([
    { actor: 'ann', reason: expect.stringContaining('given up') },
  ]);
  expect(await place.seqd('recover', '--dry-run')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('nothing to recover'),
  });
});
