import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../ports/logger.ts';
import type { RecentLatency } from '../latency.ts';
import type { Metrics } from '../metrics.ts';

/** What a request carries through its handlers. */
export interface RequestContext {
  readonly id: string;
  readonly startedAtMs: number;
  /** Where the router that took the request is mounted, as declared; Express forgets it when a handler fails. */
  base?: string;
}

const CONTEXT = Symbol('context');

type WithContext = IncomingMessage & { [CONTEXT]?: RequestContext };

export function contextOf(request: IncomingMessage): RequestContext {
  return (request as WithContext)[CONTEXT]!;
}

/** The header that carries a request's id, both ways. */
export const REQUEST_ID_HEADER = 'x-request-id';
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Hears how draws and releases were answered. */
export interface AnswerListener {
  /** @param ms from the request's beginning to its answer */
  requestAnswered(status: number, ms: number): void;
}

/** Where requests are counted. */
export interface AccountingOptions {
  /** Start of every request id made here; unique to the process. */
  readonly instance: string;
  readonly metrics: Metrics;
  readonly latency: RecentLatency;
  /** Told of each answer to a draw or release; must be cheap. */
  readonly listener?: AnswerListener;
  readonly logger: Logger;
  /** Whether each request is worth a log line. */
  readonly logRequests: boolean;
}

/** Gives requests their ids, and counts them once they are answered. */
export class Accounting {
  private readonly options: AccountingOptions;
  private count = 0;

  constructor(options: AccountingOptions) {
    this.options = options;
  }

  /** Begins a request. A client's own `X-Request-Id` is kept when it is usable. */
  begin(request: IncomingMessage): RequestContext {
    const given = request.headers[REQUEST_ID_HEADER];
    this.count += 1;
    const usable = typeof given === 'string' && REQUEST_ID.test(given);
    const id = usable ? given : `${this.options.instance}-${this.count.toString(36)}`;
    const context: RequestContext = { id, startedAtMs: performance.now() };
    (request as WithContext)[CONTEXT] = context;
    return context;
  }

  /**
   * Ends a request.
   *
   * @param route as declared, so that metrics never get a label per address that somebody made up
   */
  end(request: IncomingMessage, response: ServerResponse, route: string): void {
    const { metrics, latency, listener, logger, logRequests } = this.options;
    const { id, startedAtMs } = contextOf(request);
    const nowMs = performance.now();
    const ms = nowMs - startedAtMs;
    const status = response.statusCode;
    metrics.requestAnswered(route, status, ms);
    if (CHANGING_ROUTES.has(route)) {
      latency.record(ms, nowMs);
      listener?.requestAnswered(status, ms);
    }
    if (logRequests)
      logger.debug({ requestId: id, method: request.method, url: request.url, status, ms }, 'request');
  }
}

/** The routes whose latency is what users feel. */
const CHANGING_ROUTES: ReadonlySet<string> = new Set(['/api/v1/sequence/next', '/api/v1/sequence/release']);
