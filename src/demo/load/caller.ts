import { type Exchange, type ExchangeRequest } from '../../client/exchange.ts';
import type { NextInput, NextReply, RetryEvent } from '../../client/index.ts';
import { interpret } from '../../client/interpret.ts';
import { retryLoop } from '../../client/retry-loop.ts';
import type { HostNode } from '../host/messages.ts';
import { HomeRing } from './home-ring.ts';

/** What callers of one run have in common. */
export interface CallerOptions {
  readonly exchange: Exchange;
  /** Of all nodes. */
  readonly urls: readonly string[];
  readonly signal: AbortSignal;
  readonly onRetry: (event: RetryEvent, home: HostNode) => void;
  /** For one number and all repetitions. */
  readonly budgetMs: number;
  readonly attemptTimeoutMs: number;
}

/**
 * A client that always asks the node of its own site, as most would: other nodes only by the retry rule, after that one has
 * failed, with the same key.
 */
export class Caller {
  readonly home: HostNode;
  private readonly input: NextInput;
  private readonly options: CallerOptions;
  private readonly ring: HomeRing;
  private readonly keyPrefix: string;
  private drawn = 0;

  /** @param identity.keyPrefix no other caller's */
  constructor(
    { home, input, keyPrefix }: { home: HostNode; input: NextInput; keyPrefix: string },
    options: CallerOptions,
  ) {
    this.home = home;
    this.input = input;
    this.keyPrefix = keyPrefix;
    this.options = options;
    this.ring = new HomeRing(options.urls, { home: home.url, now: () => performance.now() });
  }

  /** Draws once, with a key of its own. @throws SeqdClientError when the budget is used up or the run is cancelled */
  async draw(): Promise<NextReply> {
    const { exchange, budgetMs, attemptTimeoutMs, signal, onRetry } = this.options;
    this.drawn += 1;
    const request: Omit<ExchangeRequest, 'url' | 'timeoutMs'> = {
      method: 'POST',
      path: '/api/v1/sequence/next',
      body: JSON.stringify(this.input),
      key: `${this.keyPrefix}-${this.drawn}`,
    };
    const { value } = await retryLoop(
      async (url, timeoutMs) =>
        interpret(await exchange.send({ ...request, url, timeoutMs }), url) as NextReply,
      {
        ring: this.ring,
        budgetMs,
        attemptTimeoutMs,
        random: Math.random,
        signal,
        onRetry: event => onRetry(event, this.home),
      },
    );
    return value;
  }
}

/** A caller waits this long for one node; one that is frozen would otherwise hold it for five seconds. */
export const ATTEMPT_TIMEOUT_MS = 1_500;

/** The longest outage (20 s), and as long as everything may then take to serve again (40 s). */
export const BUDGET_MS = 60_000;
