import { createHash } from 'node:crypto';
import type { DeliveryOutcome, EventSink, OutgoingEvent } from '../../ports/event-sink.ts';
import { VERSION } from '../../version.ts';
import { type PostAnswer, Poster } from './post.ts';
import { signatureOf } from './signature.ts';

/** Where to post, and how. */
export interface WebhookOptions {
  /** http or https; may hold secrets. */
  readonly url: string;
  /** The current one first. */
  readonly secrets: readonly string[];
  /** For one whole exchange. */
  readonly timeoutMs: number;
  /** Wall clock, Unix milliseconds. */
  readonly now: () => number;
}

/** Statuses that say "not now". */
const LATER = new Set([408, 425, 429]);

/** Posts events as a signed JSON array (CloudEvents' batch format), one request at a time. Accepted is what any 2xx answers. */
export class WebhookSink implements EventSink {
  private readonly options: WebhookOptions;
  private readonly poster: Poster;

  constructor(options: WebhookOptions) {
    this.options = options;
    this.poster = new Poster(options.url);
  }

  async deliver(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<DeliveryOutcome> {
    const { secrets, timeoutMs, now } = this.options;
    const body = `[${events.map(({ text }) => text).join(',')}]`;
    const headers = {
      'content-type': 'application/cloudevents-batch+json; charset=utf-8',
      'user-agent': `seqd/${VERSION}`,
      'idempotency-key': keyOf(events),
      'seqd-signature': signatureOf(body, secrets, Math.floor(now() / 1000)),
    };
    try {
      return outcomeOf(await this.poster.post(body, headers, { timeoutMs, signal }), now());
    } catch (error) {
      return { status: 'later', reason: describe(error as Error) };
    }
  }

  async close(): Promise<void> {
    this.poster.close();
  }
}

/** The same for the same events. */
function keyOf(events: readonly OutgoingEvent[]): string {
  const hash = createHash('sha256');
  for (const { event } of events) hash.update(`${event.id}\n`);
  return hash.digest('hex').slice(0, 40);
}

function outcomeOf({ status, retryAfter, text }: PostAnswer, nowMs: number): DeliveryOutcome {
  if (status >= 200 && status < 300) return { status: 'accepted' };
  const said = text.trim() === '' ? '' : `: ${text.trim().replaceAll(/\s+/g, ' ')}`;
  if (LATER.has(status) || status >= 500)
    return {
      status: 'later',
      reason: `HTTP ${status}${said}`,
      retryAfterMs: retryAfterMs(retryAfter, nowMs),
    };
  if (status >= 300 && status < 400)
    return { status: 'refused', reason: `HTTP ${status}: redirects are not followed` };
  return { status: 'refused', reason: `HTTP ${status}${said}` };
}

/** Seconds, or a date. */
function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** The driver's texts name host and port, never the rest of the URL. */
function describe(error: Error & { code?: string }): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0] as Error);
  return error.message === '' ? (error.code ?? 'connection failed') : error.message;
}
