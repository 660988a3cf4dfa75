import { type ChannelModel, connect, type ConsumeMessage } from 'amqplib';
import { beforeEach, describe, expect, test } from 'vitest';
import { RabbitmqSink } from '../../src/events/rabbitmq/rabbitmq-sink.ts';
import { silentLogger } from '../../src/ports/logger.ts';
import { EventWorld, plainJournal } from '../kit/event-world.ts';
import { freshDatabase, query } from '../kit/postgres.ts';
import { findRabbitmq, ownRabbitmq, type RabbitmqBroker } from '../kit/rabbitmq.ts';
import { until } from '../kit/until.ts';

const files = await findRabbitmq();
const EXCHANGE = 'seqd.test';

describe.skipIf(files === undefined)('a RabbitMQ sink', () => {
  let broker: RabbitmqBroker;
  let world: EventWorld;
  let url: string;

  beforeEach(async () => {
    broker = await ownRabbitmq(files!);
    url = await freshDatabase();
    world = await EventWorld.open(url);
  });

  const sink = (): RabbitmqSink =>
    new RabbitmqSink({ url: broker.url, exchange: EXCHANGE, timeoutMs: 5_000, logger: silentLogger });

  async function inBroker<T>(work: (model: ChannelModel) => Promise<T>): Promise<T> {
    const model = await connect(broker.url);
    model.on('error', () => {});
    try {
      return await work(model);
    } finally {
      await model.close().catch(() => {});
    }
  }

  const bindQueue = (key = '#'): Promise<void> =>
    inBroker(async model => {
      const channel = await model.createChannel();
      await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
      await channel.assertQueue('all', { durable: true });
      await channel.bindQueue('all', EXCHANGE, key);
    });

  /** Everything that is in the queue now, in order. */
  const drain = (): Promise<ConsumeMessage[]> =>
    inBroker(async model => {
      const channel = await model.createChannel();
      const { messageCount } = await channel.checkQueue('all');
      const messages: ConsumeMessage[] = [];
      await channel.consume('all', message => void (message && messages.push(message)), { noAck: true });
      await until('the queue is read', () => messages.length >= messageCount);
      return messages;
    });

  async function position(): Promise<number> {
    const rows = await query(url, 'SELECT sequence FROM seqd.event_positions');
    return Number(rows[0]?.['sequence'] ?? 1);
  }

  const bodyOf = ({ content }: ConsumeMessage): { id: string; data: { numbers: { first: number }[] } } =>
    JSON.parse(content.toString()) as { id: string; data: { numbers: { first: number }[] } };

  test('has every event as a persistent message, in order, with its id and its routing key', async () => {
    await bindQueue();
    await world.append(plainJournal(20, 10));
    world.startPump(sink());
    await until('all is delivered', async () => (await position()) === 21);
    const messages = await drain();
    expect(messages.map(message => bodyOf(message).data.numbers[0]!.first)).toEqual(
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    for (const { fields, properties, content } of messages) {
      expect(fields.routingKey).toBe('global.issue');
      expect(properties.deliveryMode).toBe(2);
      expect(properties.contentType).toMatch('application/cloudevents+json');
      expect(properties.messageId).toBe((JSON.parse(content.toString()) as { id: string }).id);
    }
  });

  test('loses nothing when the broker is killed, and killed again, in the middle', async () => {
    await bindQueue();
    const journal = plainJournal(400, 10);
    await world.append(journal.slice(0, 200));
    world.startPump(sink(), 'node-1', { limits: { batchSizeMax: 20, attemptsMax: 2, retryDelayMsMax: 300 } });
    for (const reached of [10, 60]) {
      await until('a part is delivered', async () => (await position()) > reached);
      await broker.kill();
      await broker.start();
      await broker.ready();
    }
    await world.append(journal.slice(200));
    await until('all is delivered', async () => (await position()) === 401, { timeoutMs: 60_000 });
    const numbers = (await drain()).map(message => bodyOf(message).data.numbers[0]!.first);
    // Duplicates are allowed, losses and a wrong order of first arrivals are not.
    expect([...new Set(numbers)]).toEqual(Array.from({ length: 4_000 }, (_, i) => i + 1));
  });

  test('has nothing of what no queue takes: those are dead letters, until they are asked for again', async () => {
    await bindQueue('other.*');
    await world.append(plainJournal(1, 3));
    world.startPump(sink());
    await until('all are refused', async () => (await position()) === 2);
    const dead = await query(url, 'SELECT index, reason FROM seqd.event_dead_letters ORDER BY id');
    expect(dead).toEqual(
      [0, 1, 2].map(index => ({ index, reason: 'no queue takes global.issue (NO_ROUTE)' })),
    );
    await bindQueue('global.*');
    await query(url, 'UPDATE seqd.event_dead_letters SET requested_at = now()');
    await until(
      'they are delivered',
      async () => (await query(url, 'SELECT FROM seqd.event_dead_letters')).length === 0,
    );
    expect(await drain()).toHaveLength(3);
  });

  test('waits for a broker that has frozen, and goes on when it has thawed', async () => {
    await bindQueue();
    const journal = plainJournal(40, 5);
    await world.append(journal.slice(0, 20));
    const slow = new RabbitmqSink({
      url: broker.url,
      exchange: EXCHANGE,
      timeoutMs: 500,
      logger: silentLogger,
    });
    world.startPump(slow);
    await until('the first are delivered', async () => (await position()) === 21);
    broker.pause();
    await world.append(journal.slice(20));
    await new Promise(resolve => setTimeout(resolve, 1_500));
    expect(await position()).toBe(21);
    broker.resume();
    await until('all is delivered', async () => (await position()) === 41, { timeoutMs: 60_000 });
    const numbers = (await drain()).map(message => bodyOf(message).data.numbers[0]!.first);
    expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });
});
