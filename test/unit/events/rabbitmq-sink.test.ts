import { EventEmitter } from 'node:events';
import type { ChannelModel } from 'amqplib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventOf } from '../../../src/core/document-event.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { RabbitmqSink } from '../../../src/events/rabbitmq/rabbitmq-sink.ts';
import type { DeliveryOutcome, OutgoingEvent } from '../../../src/ports/event-sink.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import { journalEntries } from '../../kit/journal-entries.ts';

const owner = { site: 'site-1', partition: 'a', type: 'invoice' };
const [entry] = journalEntries(1, next =>
  [0, 1, 2].map(
    i => ({ kind: 'issue', owner, fresh: { first: next + i, last: next + i }, reused: [] }) as const,
  ),
);
const EVENTS: OutgoingEvent[] = [0, 1, 2].map(index => {
  const event = eventOf(entry!.batch, index, { cluster: 'c', series: GLOBAL_SERIES, revision: 3 });
  return { event, text: JSON.stringify(event) };
});

type Confirm = (error: Error | null) => void;

/** A broker as the client library shows it; the real one is in test/integration/events-rabbitmq.test.ts. */
class FakeBroker {
  connections = 0;
  /** What it does with each message. */
  onPublish: (id: string, confirm: Confirm, channel: EventEmitter, model: EventEmitter) => void = (
    _,
    confirm,
  ) => confirm(null);

  readonly connect = async (): Promise<ChannelModel> => {
    this.connections += 1;
    const model = new EventEmitter();
    const channel = Object.assign(new EventEmitter(), {
      assertExchange: async () => ({}),
      publish: (
        _: string,
        __: string,
        ___: Buffer,
        { messageId }: { messageId: string },
        confirm: Confirm,
      ) => {
        setImmediate(() => this.onPublish(messageId, confirm, channel, model));
        return true;
      },
    });
    return Object.assign(model, {
      createConfirmChannel: async () => channel,
      close: async () => {},
      connection: {},
    }) as unknown as ChannelModel;
  };
}

function open(): { broker: FakeBroker; deliver: () => Promise<DeliveryOutcome> } {
  const broker = new FakeBroker();
  const { connect } = broker;
  const sink = new RabbitmqSink({
    url: 'amqp://user:password@broker/',
    exchange: 'x',
    timeoutMs: 1_000,
    logger: silentLogger,
    connect,
  });
  onTestFinished(() => sink.close());
  return { broker, deliver: () => sink.deliver(EVENTS, new AbortController().signal) };
}

const second = EVENTS[1]!.event.id;

describe('a RabbitMQ sink', () => {
  test('has accepted what the broker has confirmed, and keeps its connection', async () => {
    const { broker, deliver } = open();
    expect(await deliver()).toEqual({ status: 'accepted' });
    expect(await deliver()).toEqual({ status: 'accepted' });
    expect(broker.connections).toBe(1);
  });

  test('has not accepted when the broker confirms all but one', async () => {
    const { broker, deliver } = open();
    broker.onPublish = (id, confirm) => confirm(id === second ? new Error('nacked') : null);
    expect(await deliver()).toEqual({ status: 'later', reason: 'the broker did not confirm' });
  });

  test('has not accepted when the broker says nothing about one', async () => {
    const { broker, deliver } = open();
    broker.onPublish = (id, confirm) => {
      if (id !== second) confirm(null);
    };
    expect(await deliver()).toMatchObject({
      status: 'later',
      reason: 'the broker has not confirmed within 1000 ms',
    });
  });

  test('has refused when a message came back, though it was confirmed', async () => {
    const { broker, deliver } = open();
    broker.onPublish = (id, confirm, channel) => {
      if (id === second)
        channel.emit('return', { fields: { replyText: 'NO_ROUTE' }, properties: { messageId: id } });
      confirm(null);
    };
    expect(await deliver()).toEqual({ status: 'refused', reason: 'no queue takes global.issue (NO_ROUTE)' });
    broker.onPublish = (_, confirm) => confirm(null);
    expect(await deliver()).toEqual({ status: 'accepted' });
  });

  test('has not accepted when the connection ends, and makes another one', async () => {
    const { broker, deliver } = open();
    broker.onPublish = (_, __, ___, model) => void model.emit('close', new Error('CONNECTION_FORCED'));
    expect(await deliver()).toEqual({ status: 'later', reason: 'CONNECTION_FORCED' });
    broker.onPublish = (_, confirm) => confirm(null);
    expect(await deliver()).toEqual({ status: 'accepted' });
    expect(broker.connections).toBe(2);
  });
});
