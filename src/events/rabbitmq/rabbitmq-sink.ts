import type { Socket } from 'node:net';
import type { ChannelModel, ConfirmChannel, Message, SocketOptions } from 'amqplib';
import type { DeliveryOutcome, EventSink, OutgoingEvent } from '../../ports/event-sink.ts';
import type { Logger } from '../../ports/logger.ts';

/** Which broker, and how. */
export interface RabbitmqOptions {
  /** amqp or amqps, with credentials and virtual host. */
  readonly url: string;
  /** A durable topic exchange; made when it is not there. */
  readonly exchange: string;
  /** To connect, and for the broker to confirm. */
  readonly timeoutMs: number;
  readonly logger: Logger;
  /** Default: amqplib's. */
  readonly connect?: (url: string, options: SocketOptions) => Promise<ChannelModel>;
}

const HEARTBEAT_SECONDS = 10;
const CLOSE_MS = 1_000;

/** A connection with its one channel. */
interface Link {
  readonly model: ChannelModel;
  readonly channel: ConfirmChannel;
  /** Reasons by message id, of what no queue was there for. */
  readonly returned: Map<string, string>;
  /** Aborted when either has ended. */
  readonly ended: AbortController;
}

/**
 * Publishes each event as a persistent message to a topic exchange, with the routing key `<series>.<kind>` and the event's id as
 * message id. Accepted is what the broker has confirmed and could route; it confirms once a durable queue has it on disk.
 *
 * A connection that broke is made anew at the next delivery, so the pauses between attempts are those between connections.
 */
export class RabbitmqSink implements EventSink {
  private readonly options: RabbitmqOptions;
  private link: Link | undefined;

  constructor(options: RabbitmqOptions) {
    this.options = options;
  }

  async deliver(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<DeliveryOutcome> {
    const { timeoutMs } = this.options;
    const deadline = new AbortController();
    const abort = (): void => deadline.abort(new Error('given up'));
    const timer = setTimeout(
      () => deadline.abort(new Error(`the broker has not confirmed within ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    let ended: AbortSignal | undefined;
    const end = (): void => deadline.abort(ended?.reason);
    try {
      this.link ??= await this.open();
      ended = this.link.ended.signal;
      ended.addEventListener('abort', end);
      if (ended.aborted) end();
      await this.publish(this.link, events, deadline.signal);
      return routedOutcome(this.link, events);
    } catch (error) {
      await this.drop();
      return { status: 'later', reason: describe(error) };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      ended?.removeEventListener('abort', end);
    }
  }

  async close(): Promise<void> {
    await this.drop();
  }

  /** @throws Error unless the broker has confirmed every one of them */
  private async publish(
    { channel, returned }: Link,
    events: readonly OutgoingEvent[],
    deadline: AbortSignal,
  ): Promise<void> {
    const { exchange } = this.options;
    returned.clear();
    const confirmed = events.map(
      ({ event, text }) =>
        new Promise<void>((resolve, reject) => {
          const { series, kind, tenant, period } = event.data;
          channel.publish(
            exchange,
            `${series}.${kind}`,
            Buffer.from(text),
            {
              persistent: true,
              mandatory: true,
              messageId: event.id,
              type: event.type,
              appId: 'seqd',
              timestamp: Math.floor(Date.parse(event.time) / 1000),
              contentType: 'application/cloudevents+json; charset=utf-8',
              headers: { tenant, series, period, kind },
            },
            (error: unknown) =>
              error === null ? resolve() : reject(new Error('the broker did not confirm', { cause: error })),
          );
        }),
    );
    await Promise.race([Promise.all(confirmed), aborted(deadline)]);
  }

  /** @throws Error when it cannot be made in time */
  private async open(): Promise<Link> {
    const { url, exchange, timeoutMs, logger } = this.options;
    // Loaded by nodes with such a sink only.
    const connect = this.options.connect ?? (await import('amqplib')).connect;
    const address = new URL(url);
    if (!address.searchParams.has('heartbeat'))
      address.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
    const model = await connect(address.href, {
      timeout: timeoutMs,
      keepAlive: true,
      noDelay: true,
      ...(address.protocol === 'amqps:' ? { rejectUnauthorized: true } : {}),
      clientProperties: { connection_name: 'seqd events' },
    });
    const ended = new AbortController();
    const end = (error?: Error): void => {
      if (!ended.signal.aborted) ended.abort(error ?? new Error('the broker has closed the connection'));
    };
    // Without listeners an error of either would end the process.
    model.on('error', end);
    model.on('close', end);
    const returned = new Map<string, string>();
    try {
      const channel = await within(timeoutMs, model.createConfirmChannel());
      channel.on('error', end);
      channel.on('close', () => end());
      channel.on('return', (message: Message) => {
        const { replyText } = message.fields as { replyText?: string };
        returned.set(String(message.properties.messageId), replyText ?? 'NO_ROUTE');
      });
      await within(timeoutMs, channel.assertExchange(exchange, 'topic', { durable: true }));
      logger.debug({ exchange }, 'connected to RabbitMQ');
      return { model, channel, returned, ended };
    } catch (error) {
      await closeModel(model);
      throw error;
    }
  }

  private async drop(): Promise<void> {
    const { link } = this;
    this.link = undefined;
    if (link !== undefined) await closeModel(link.model);
  }
}

/** A message that came back was confirmed, but nobody has it. */
function routedOutcome({ returned }: Link, events: readonly OutgoingEvent[]): DeliveryOutcome {
  const lost = events.find(({ event }) => returned.has(event.id));
  if (lost === undefined) return { status: 'accepted' };
  const { series, kind } = lost.event.data;
  return {
    status: 'refused',
    reason: `no queue takes ${series}.${kind} (${returned.get(lost.event.id)})`,
  };
}

/** Ends a connection politely, and after a second however it may be. */
async function closeModel(model: ChannelModel): Promise<void> {
  await within(CLOSE_MS, model.close()).catch(() => {});
  // The types do not name it; a broker that froze would otherwise keep the process until its heartbeat is missed.
  (model.connection as unknown as { stream?: Socket }).stream?.destroy();
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the broker has not answered within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What went wrong, in one line; the client's texts name no credentials. */
function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  const { message, code } = error as { message?: string; code?: string | number };
  return (message ?? '').split('\n', 1)[0]! || String(code ?? error);
}
