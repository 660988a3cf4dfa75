import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Exchange } from '../../client/exchange.ts';
import { type NextInput, type NextReply, SeqdClientError } from '../../client/index.ts';
import type { HostNode } from '../host/messages.ts';
import { ATTEMPT_TIMEOUT_MS, BUDGET_MS, Caller } from './caller.ts';
import { GapMeter } from './gap-meter.ts';
import { LatencyBook } from './latency-book.ts';

/** How load is made. */
export interface LoadOptions {
  /** How many draw at the same time; they are spread over the nodes. */
  readonly clients: number;
  readonly nodes: readonly HostNode[];
  /** What the clients of a node ask for. */
  readonly inputFor: (node: HostNode, client: number) => NextInput;
  /** No other load's. */
  readonly keyPrefix: string;
  /** Aborted to end at once: what is under way is given up. */
  readonly signal: AbortSignal;
  /** Requests in all; without it they go on until {@link Load.stop}. */
  readonly requests?: number;
  /** How long a client waits before its next request; default 0. */
  readonly pauseMs?: number;
  readonly onAnswer?: (reply: NextReply, client: LoadClient, times: RequestTimes) => void;
}

/** On the monotonic clock, milliseconds. */
export interface RequestTimes {
  readonly invokedAtMs: number;
  readonly returnedAtMs: number;
}

/** One of those who draw. */
export interface LoadClient {
  readonly index: number;
  readonly home: HostNode;
  readonly gap: GapMeter;
}

/** A caller that was told an error must not come again at once. */
const AFTER_ERROR_MS = 100;
const ERRORS_NAMED_MAX = 3;

/**
 * Clients that draw numbers one after the other, each over a kept connection to the node of its own, until they are stopped or
 * have sent what they were to send.
 *
 * States: `idle` → start → `running` → stop, or by itself → `ended`.
 */
export class Load {
  readonly latency = new LatencyBook();
  readonly startedAtMs: number;
  /** Requests that were answered. */
  answers = 0;
  /** Repetitions, of all clients. */
  retries = 0;
  /** Requests that no repetition helped; their outcome may not be known. */
  failures = 0;
  /** What clients were told last about those, a few. */
  readonly errors: string[] = [];
  private readonly options: LoadOptions;
  private readonly exchange: Exchange;
  private readonly clients: readonly { readonly client: LoadClient; readonly caller: Caller }[];
  private sent = 0;
  private stopping = false;
  private running: Promise<void> | undefined;
  private readonly onAbort = (): void => this.exchange.close();

  constructor(options: LoadOptions) {
    this.options = options;
    const { nodes, clients, signal } = options;
    this.startedAtMs = performance.now();
    this.exchange = new Exchange(clients);
    setMaxListeners(0, signal); // every waiting request listens
    const shared = {
      exchange: this.exchange,
      urls: nodes.map(({ url }) => url),
      signal,
      budgetMs: BUDGET_MS,
      attemptTimeoutMs: ATTEMPT_TIMEOUT_MS,
      onRetry: () => {
        this.retries += 1;
      },
    };
    this.clients = Array.from({ length: clients }, (_, index) => {
      const home = nodes[index % nodes.length]!;
      const input = options.inputFor(home, index);
      const keyPrefix = `${options.keyPrefix}-${index}`;
      return {
        client: { index, home, gap: new GapMeter(this.startedAtMs) },
        caller: new Caller({ home, input, keyPrefix }, shared),
      };
    });
  }

  /** Requests a second, since the start. */
  get rate(): number {
    const seconds = (performance.now() - this.startedAtMs) / 1_000;
    return seconds <= 0 ? 0 : this.answers / seconds;
  }

  /** Returns at once; {@link ended} tells when all is done. */
  start(): void {
    this.options.signal.addEventListener('abort', this.onAbort, { once: true });
    this.running = Promise.all(this.clients.map(client => this.work(client))).then(() => this.finish());
    // Whoever waits for the end hears of it.
    this.running.catch(() => {});
  }

  /** Resolves when every client has ended. @throws what `onAnswer` throws */
  async ended(): Promise<void> {
    await this.running;
  }

  /** Nothing more is sent; waits for what is under way. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  /** Gaps count anew from here. */
  beginWindow(): void {
    for (const { client } of this.clients) client.gap.beginWindow();
  }

  /** The longest any of the clients went without an answer in the window, milliseconds; `undefined` without clients. */
  longestGap(of: (client: LoadClient) => boolean = () => true): number | undefined {
    const now = performance.now();
    const gaps = this.clients.filter(({ client }) => of(client)).map(({ client }) => client.gap.longest(now));
    return gaps.length === 0 ? undefined : Math.max(...gaps);
  }

  private finish(): void {
    this.options.signal.removeEventListener('abort', this.onAbort);
    this.exchange.close();
  }

  private async work({ client, caller }: { client: LoadClient; caller: Caller }): Promise<void> {
    const { requests = Infinity, pauseMs = 0, signal, onAnswer } = this.options;
    while (!this.stopping && !signal.aborted && this.sent < requests) {
      this.sent += 1;
      const invokedAtMs = performance.now();
      try {
        const reply = await caller.draw();
        const returnedAtMs = performance.now();
        this.answers += 1;
        this.latency.record(returnedAtMs - invokedAtMs);
        client.gap.answered(returnedAtMs);
        onAnswer?.(reply, client, { invokedAtMs, returnedAtMs });
      } catch (error) {
        if (!(error instanceof SeqdClientError)) throw error;
        if (signal.aborted) return;
        this.failures += 1;
        if (this.errors.length < ERRORS_NAMED_MAX) this.errors.push(`${error.message} (${error.code})`);
        await sleep(AFTER_ERROR_MS, undefined, { signal }).catch(() => {});
      }
      if (pauseMs > 0 && !this.stopping) await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
    client.gap.end(performance.now());
  }
}
