import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { SeqdClientError } from './client-error.ts';
import { Exchange, type ExchangeAnswer, type ExchangeRequest, read } from './exchange.ts';
import { interpret } from './interpret.ts';
import { NodeRing } from './node-ring.ts';
import { RETRY_DEFAULTS, type RetryEvent, retryLoop } from './retry-loop.ts';
import type {
  AdoptInput,
  AdoptReply,
  AuditReply,
  HealthReply,
  NextInput,
  NextReply,
  NumberLifeReply,
  RaiseInput,
  RaiseReply,
  ReleaseInput,
  ReleaseReply,
  StatsReply,
} from './types.ts';

/** How a client is set up. */
export interface SeqdClientOptions {
  /** Base addresses of nodes of one cluster, at least one. */
  readonly urls: readonly string[];
  /** For a request and all its repetitions; default 30 s. */
  readonly budgetMs?: number;
  /** For one attempt; default 5 s. */
  readonly attemptTimeoutMs?: number;
  /** Connections kept per node; default 256. */
  readonly connectionsMax?: number;
  /** Called before each repetition. */
  readonly onRetry?: (event: RetryEvent) => void;
  /** `server.admin-token` of the nodes, or what knows that of each, for what needs administrator rights. */
  readonly adminToken?: string | ((url: string) => string | undefined) | undefined;
  /** From 0 to 1; for tests. */
  readonly random?: () => number;
}

/** A reply, and how it came about. */
export interface Answer<T> {
  readonly reply: T;
  /** Whether it is the stored answer of an earlier request, or attempt, with the same key. */
  readonly replayed: boolean;
  /** The key that was sent. */
  readonly key: string;
  /** Requests sent for it; 1 when the first was answered. */
  readonly attempts: number;
  /** The node that answered. */
  readonly url: string;
}

/**
 * A client of seqd's REST interface that keeps the retry rule (docs/retry-rule.md):
 *
 * 1. Every request that changes something carries an idempotency key, generated if not given.
 * 2. On a problem with `retry: 'later'` or `'same-key'`, on a lost connection and on a timeout it waits
 *    (`Retry-After` up to 1 s, else exponential with full jitter, 20 ms to 500 ms), moves on to the next node and
 *    sends the same payload with the **same key** again, until the budget is used up (30 s).
 * 3. A problem with `retry: 'never'` is thrown at once; after an attempt that may have taken effect only when every
 *    node says so, and then as `same-key`.
 *
 * Requests go round-robin over the nodes; one that failed is avoided for a second. Every method throws
 * {@link SeqdClientError} only. `close` when done: open connections keep the process alive.
 */
export class SeqdClient {
  readonly urls: readonly string[];
  private readonly options: SeqdClientOptions;
  private readonly exchange: Exchange;
  private readonly ring: NodeRing;
  private readonly closing = new AbortController();
  private retryCount = 0;

  constructor(options: SeqdClientOptions) {
    if (options.urls.length === 0) throw new TypeError('a client needs at least one url');
    this.options = options;
    this.urls = options.urls.map(url => url.replace(/\/+$/, ''));
    this.exchange = new Exchange(options.connectionsMax ?? 256);
    setMaxListeners(0, this.closing.signal); // every waiting request listens
    const start = Math.floor((options.random ?? Math.random)() * this.urls.length);
    this.ring = new NodeRing(this.urls, { now: () => performance.now(), start });
  }

  /** Repetitions so far, over all requests. */
  get retries(): number {
    return this.retryCount;
  }

  /** Draws numbers. */
  next(input: NextInput, { key }: { key?: string } = {}): Promise<Answer<NextReply>> {
    return this.change('/api/v1/sequence/next', input, key);
  }

  /** Gives a number back. */
  release(input: ReleaseInput, { key }: { key?: string } = {}): Promise<Answer<ReleaseReply>> {
    return this.change('/api/v1/sequence/release', input, key);
  }

  /** Raises the counter; with `imported`, for a numbering whose gaps {@link adopt} then says. Needs administrator rights. */
  raise(input: RaiseInput, { key }: { key?: string } = {}): Promise<Answer<RaiseReply>> {
    return this.change('/api/v1/admin/raise', input, key, this.adminTokenOf);
  }

  /** Says which of the imported numbers were never used. Needs administrator rights. */
  adopt(input: AdoptInput, { key }: { key?: string } = {}): Promise<Answer<AdoptReply>> {
    return this.change('/api/v1/admin/adopt', input, key, this.adminTokenOf);
  }

  /** Reads the state of the series. */
  async stats(): Promise<StatsReply> {
    const { value } = await this.repeat(
      (url, timeoutMs) =>
        this.exchange.send({ method: 'GET', url, path: '/api/v1/sequence/stats', timeoutMs }),
      (answer, url) => interpret(answer, url) as StatsReply,
    );
    return value;
  }

  /** What happened to a number. @param after the `next` of the page before */
  numberLife(number: number, { after }: { after?: string | undefined } = {}): Promise<NumberLifeReply> {
    return this.get(`/api/v1/numbers/${number}${queryOf({ after })}`);
  }

  /** A page of the audit trail. @param query as the REST interface takes it */
  audit(query: QueryFields): Promise<AuditReply> {
    return this.get(`/api/v1/audit${queryOf(query)}`);
  }

  /**
   * Reads an answer of any size as it comes; asks one node after the other until one begins to answer.
   *
   * @param path such as `/api/v1/audit`
   * @param options.timeoutMs until the answer begins; default as for an attempt
   * @throws SeqdClientError; whatever the connection fails with when the answer is cut off
   */
  async *download(
    path: string,
    query: QueryFields,
    {
      timeoutMs = this.attemptTimeoutMs,
      onHeaders,
    }: { timeoutMs?: number; onHeaders?: (headers: IncomingMessage['headers']) => void } = {},
  ): AsyncGenerator<Buffer> {
    const response = await this.open(`${path}${queryOf(query)}`, timeoutMs);
    onHeaders?.(response.headers);
    yield* response as AsyncIterable<Buffer>;
  }

  /**
   * Asks each node once, until one is healthy; else returns the first answer there was.
   *
   * @throws SeqdClientError when none answers
   */
  async health(): Promise<HealthReply> {
    let unhealthy: HealthReply | undefined;
    let failure: SeqdClientError | undefined;
    for (const url of this.urls) {
      try {
        const health = await this.healthOf(url);
        if (health.status === 'healthy') return health;
        unhealthy ??= health;
      } catch (error) {
        failure ??= error as SeqdClientError;
      }
    }
    if (unhealthy !== undefined) return unhealthy;
    throw failure!;
  }

  /** Asks one node, once. @throws SeqdClientError when it does not answer */
  async healthOf(
    url: string,
    { timeoutMs = this.attemptTimeoutMs }: { timeoutMs?: number } = {},
  ): Promise<HealthReply> {
    const answer = await this.exchange.send({ method: 'GET', url, path: '/health', timeoutMs });
    return interpret(answer, url, [200, 503]) as HealthReply;
  }

  /** Ends all connections; requests under way fail with `closed`. Idempotent. */
  close(): void {
    this.closing.abort();
    this.exchange.close();
  }

  private async get<T>(path: string): Promise<T> {
    const { value } = await this.repeat(
      (url, timeoutMs) => this.exchange.send({ method: 'GET', url, path, timeoutMs }),
      (answer, url) => interpret(answer, url) as T,
    );
    return value;
  }

  private async open(path: string, timeoutMs: number): Promise<IncomingMessage> {
    let failure: SeqdClientError | undefined;
    for (const _ of this.urls) {
      const url = this.ring.next(failure?.url);
      try {
        const response = await this.exchange.open({ url, path, timeoutMs });
        if (response.statusCode === 200) return response;
        interpret(
          { status: response.statusCode!, headers: response.headers, text: await read(response) },
          url,
        );
      } catch (error) {
        if (!(error instanceof SeqdClientError) || error.retry === 'never') throw error;
        failure = error;
      }
    }
    throw failure!;
  }

  private get attemptTimeoutMs(): number {
    return this.options.attemptTimeoutMs ?? RETRY_DEFAULTS.attemptTimeoutMs;
  }

  private readonly adminTokenOf = (url: string): string | undefined => {
    const { adminToken } = this.options;
    return typeof adminToken === 'function' ? adminToken(url) : adminToken;
  };

  private async change<T>(
    path: string,
    input: object,
    key: string = randomUUID(),
    tokenOf?: (url: string) => string | undefined,
  ): Promise<Answer<T>> {
    if (!KEY.test(key)) throw invalidKey();
    const body = JSON.stringify(input);
    const fixed: Omit<ExchangeRequest, 'url' | 'timeoutMs'> = { method: 'POST', path, body, key };
    try {
      const { value, attempts, url } = await this.repeat(
        (url, timeoutMs) => this.exchange.send({ ...fixed, url, timeoutMs, token: tokenOf?.(url) }),
        (answer, url) => ({
          reply: interpret(answer, url) as T,
          replayed: answer.headers['idempotent-replayed'] === 'true',
        }),
      );
      return { ...value, key, attempts, url };
    } catch (error) {
      if (error instanceof SeqdClientError) error.key = key;
      throw error;
    }
  }

  private repeat<T>(
    send: (url: string, timeoutMs: number) => Promise<ExchangeAnswer>,
    read: (answer: ExchangeAnswer, url: string) => T,
  ): Promise<{ value: T; attempts: number; url: string }> {
    return retryLoop(async (url, timeoutMs) => read(await send(url, timeoutMs), url), {
      ring: this.ring,
      budgetMs: this.options.budgetMs ?? RETRY_DEFAULTS.budgetMs,
      attemptTimeoutMs: this.attemptTimeoutMs,
      random: this.options.random ?? Math.random,
      signal: this.closing.signal,
      onRetry: event => {
        this.retryCount += 1;
        this.options.onRetry?.(event);
      },
    });
  }
}

/** Parameters of a question; what is undefined is left out. */
export type QueryFields = Readonly<Record<string, string | number | undefined>>;

function queryOf(fields: QueryFields): string {
  const query = new URLSearchParams();
  for (const [field, value] of Object.entries(fields))
    if (value !== undefined) query.set(field, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** What the server accepts as a key; checked here, since Node refuses to send anything else. */
const KEY = /^[\x21-\x7e]{1,200}$/;

function invalidKey(): SeqdClientError {
  const message = 'an idempotency key must be 1 to 200 visible ASCII characters without spaces';
  return new SeqdClientError(message, { code: 'invalid_request', retry: 'never', url: '' });
}
