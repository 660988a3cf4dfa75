import { describe, expect, onTestFinished, test } from 'vitest';
import type { EventPump } from '../../src/events/event-pump.ts';
import { WebhookSink } from '../../src/events/webhook/webhook-sink.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { EventWorld, plainJournal } from '../kit/event-world.ts';
import { HttpClient } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { freshDatabase, ownPostgres, query } from '../kit/postgres.ts';
import { readMetric } from '../kit/read-metric.ts';
import { RuleClient } from '../kit/rule-client.ts';
import { until } from '../kit/until.ts';
import { WebhookReceiver } from '../kit/webhook-receiver.ts';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import { run } from '../unit/cli/run.ts';

const SECRET = 'a-secret-of-the-receiver';
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

const sinkTo = ({ url }: WebhookReceiver, secrets = [SECRET]): WebhookSink =>
  new WebhookSink({ url, secrets, timeoutMs: 500, now: Date.now });

async function position(url: string): Promise<number> {
  const rows = await query(url, 'SELECT sequence FROM seqd.event_positions');
  return Number(rows[0]?.['sequence'] ?? 1);
}

describe('a webhook that is told of the ledger', () => {
  test('gets everything in order, though it fails, hangs, dies and comes back', async () => {
    const url = await freshDatabase();
    const world = await EventWorld.open(url);
    const receiver = await WebhookReceiver.start(SECRET);
    // Of ten requests one fails, one is never answered, one is taken and the answer gets lost.
    receiver.interfere = (response, take) => {
      switch (receiver.requests % 10) {
        case 3:
          response.writeHead(503, { 'retry-after': '0' }).end();
          return true;
        case 5:
          return true;
        case 7:
          take();
          response.socket!.destroy();
          return true;
        default:
          return false;
      }
    };
    const journal = plainJournal(300, 10);
    await world.append(journal.slice(0, 150));
    world.startPump(sinkTo(receiver));
    await until('a part is delivered', async () => (await position(url)) > 20);
    await receiver.stop();
    await world.append(journal.slice(150));
    const before = await position(url);
    await new Promise(resolve => setTimeout(resolve, 1_000));
    expect(await position(url)).toBe(before);
    await receiver.start();
    await until('all is delivered', async () => (await position(url)) === 301, { timeoutMs: 60_000 });
    expect(receiver.numbers).toEqual(upTo(3_000));
    expect(receiver.events.length).toBeGreaterThan(3_000);
    expect(receiver.complaints).toEqual([]);
    expect(await query(url, 'SELECT FROM seqd.event_dead_letters')).toEqual([]);
  });

  test('knows the signature by either secret while they are changed, and without both nothing is lost', async () => {
    const url = await freshDatabase();
    const world = await EventWorld.open(url);
    const receiver = await WebhookReceiver.start('the-old-secret-of-before');
    await world.append(plainJournal(2, 2));
    const pump = world.startPump(
      sinkTo(receiver, ['the-new-secret-from-now-on', 'the-old-secret-of-before']),
    );
    await until('all is delivered', async () => (await position(url)) === 3);
    await pump.close();
    expect(receiver.numbers).toEqual(upTo(4));

    const stranger = world.startPump(sinkTo(receiver, ['a-secret-that-nobody-knows']), 'node-2', {
      name: 'other',
    });
    await until(
      'all are refused',
      async () => (await query(url, 'SELECT FROM seqd.event_dead_letters')).length === 4,
    );
    await stranger.close();
    expect(receiver.events).toHaveLength(4);
  });

  test('is told by one node at a time, and another goes on where that one ended', async () => {
    const url = await freshDatabase();
    const world = await EventWorld.open(url);
    const receiver = await WebhookReceiver.start(SECRET);
    const journal = plainJournal(60, 5);
    await world.append(journal.slice(0, 30));
    const pumps = [1, 2, 3].map(i => world.startPump(sinkTo(receiver), `node-${i}`));
    await until('all is delivered', async () => (await position(url)) === 31);
    const busy = pumps.filter(({ lag }: EventPump) => lag.length > 0);
    expect(busy).toHaveLength(1);
    await busy[0]!.close();
    await world.append(journal.slice(30));
    await until('another goes on', async () => (await position(url)) === 61);
    expect(receiver.events.map(({ data }) => data.numbers[0]!.first)).toEqual(upTo(300));
  });

  test('gets everything though PostgreSQL is killed meanwhile', async () => {
    const postgres = await ownPostgres({ fsync: 'on' });
    const world = await EventWorld.open(postgres.url);
    const receiver = await WebhookReceiver.start(SECRET);
    await world.append(plainJournal(200, 10));
    world.startPump(sinkTo(receiver), 'node-1', {
      limits: { batchSizeMax: 20, attemptsMax: 2, retryDelayMsMax: 300 },
    });
    await until('a part is delivered', () => receiver.events.length > 200);
    await postgres.kill();
    await postgres.start();
    await postgres.ready();
    await until('all is delivered', async () => (await position(postgres.url)) === 201, {
      timeoutMs: 60_000,
    });
    expect(receiver.numbers).toEqual(upTo(2_000));
  });
});

describe('nodes that are configured with a webhook', () => {
  test('tell it of every number, count that, and say so; a dead letter is listed and delivered again', async () => {
    const url = await freshDatabase();
    await migrateUp({
      url,
      schema: 'seqd',
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 30_000,
      tls: null,
      caFile: null,
    });
    const receiver = await WebhookReceiver.start(SECRET);
    const cluster = uniqueCluster();
    const sinks = JSON.stringify([{ name: 'erp', kind: 'webhook', url: receiver.url, secrets: [SECRET] }]);
    const settings = {
      'sequence.ledger.url': url,
      'sequence.events.sinks': sinks,
      'sequence.events.attempts-max': '1',
    };
    const nodes = await startTestNodes(2, { endpoints: sharedEndpoints(), cluster, settings });
    const client = new RuleClient({ urls: () => nodes.map(node => node.url) });
    const http = new HttpClient();
    onTestFinished(async () => {
      client.close();
      http.close();
      await Promise.all(nodes.map(node => node.close()));
    });
    const draw = (): Promise<unknown> =>
      http.get(
        `${nodes[0]!.url}/api/v1/sequence/next?siteId=site-1&partitionId=partition-a&invoiceType=on-cycle&reference=doc`,
      );
    for (let i = 0; i < 20; i += 1) await draw();
    await until('all is delivered', () => receiver.events.length >= 20);
    expect(receiver.numbers).toEqual(upTo(20));
    expect(receiver.events[0]).toMatchObject({
      id: `${cluster}/default/global/all/1-0`,
      type: 'seqd.issue.v1',
      data: {
        owner: { site: 'site-1', partition: 'partition-a', type: 'on-cycle' },
        reference: 'doc',
        allocationId: '1-0',
      },
    });
    const metric = async (name: string): Promise<number> => {
      const values = await Promise.all(nodes.map(node => readMetric(node.url, name)));
      return values.reduce((sum, value) => sum + value, 0);
    };
    await until('it is counted', async () => (await metric('seqd_events_delivered_total')) >= 20);
    await until('nothing waits', async () => (await metric('seqd_events_lag')) === 0);

    receiver.interfere = response => {
      response.writeHead(422).end('not this one');
      return true;
    };
    await draw();
    await until('it is a dead letter', async () => (await metric('seqd_events_dead_letters_total')) === 1);
    const env = { SEQD_LEDGER_URL: url, SEQD_CLUSTER: cluster, SEQD_EVENTS_SINKS: sinks };
    const events = (...args: string[]) => run(['events', ...args], { env });
    const listed = JSON.parse((await events('dead', '--json')).stdout) as { deadLetters: { id: number }[] };
    expect(listed.deadLetters).toMatchObject([
      { sink: 'erp', kind: 'issue', reason: 'HTTP 422: not this one' },
    ]);
    expect((await events('status')).stdout).toMatch(/erp +default\/global\/all +\d+-0 +0 +- +1 +node-/);
    receiver.interfere = () => false;
    const { id } = listed.deadLetters[0]!;
    expect(await events('redeliver', String(id))).toMatchObject({ exitCode: 0 });
    await until('it is delivered', () => receiver.numbers.includes(21));
    await until(
      'it is a dead letter no more',
      async () => (await events('dead')).stdout === 'no dead letters\n',
    );
    expect(await events('redeliver', String(id))).toMatchObject({ exitCode: 1 });
    expect(await events('redeliver', 'x')).toMatchObject({ exitCode: 2 });
  });
});
