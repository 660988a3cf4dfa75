import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoCatalogue, DemoRun } from '../demo/demo-run.ts';
import { SeqdClientError } from './client-error.ts';
import { Exchange, read } from './exchange.ts';
import { interpret } from './interpret.ts';

/** How a client of demonstrations is set up. */
export interface DemoClientOptions {
  /** Base addresses of the cluster's nodes, at least one; a run is followed on another when one dies. */
  readonly urls: readonly string[];
  /** How long to keep trying when no node answers; default 15 s. */
  readonly patienceMs?: number;
  /** A node that sends nothing of a run for so long stands still; default 4 s. */
  readonly silenceMsMax?: number;
}

const BASE = '/api/v1/demo';
const PATIENCE_MS = 15_000;
/** A node repeats what it has said every second. */
const SILENCE_MS_MAX = 4_000;
const ATTEMPT_TIMEOUT_MS = 4_000;
const PAUSE_MS = 200;
/** How far back a run may have begun, by a clock that was set meanwhile, to be the one that was asked for. */
const CLOCK_TOLERANCE_MS = 1_000;
const LINE_LENGTH_MAX = 4 * 1024 * 1024;

/**
 * Starts and follows demonstrations (docs/demos.md), on whichever node is there: a run goes on when it kills the node that tells of it.
 * Every method throws {@link SeqdClientError} only. `close` when done.
 */
export class DemoClient {
  private readonly urls: readonly string[];
  private readonly patienceMs: number;
  private readonly silenceMsMax: number;
  private readonly exchange = new Exchange(8);
  private turn = 0;

  constructor({ urls, patienceMs = PATIENCE_MS, silenceMsMax = SILENCE_MS_MAX }: DemoClientOptions) {
    if (urls.length === 0) throw new TypeError('a client needs at least one url');
    this.urls = urls.map(url => url.replace(/\/+$/, ''));
    this.patienceMs = patienceMs;
    this.silenceMsMax = silenceMsMax;
  }

  /** What there is to run. @throws SeqdClientError `route_not_found` where there are no demonstrations */
  catalogue(): Promise<DemoCatalogue> {
    return this.patiently(url => this.ask<DemoCatalogue>('GET', url, BASE));
  }

  /**
   * Starts a run, once: an attempt that broke off may have started it, and then the next one finds it, running or ended already.
   *
   * @throws SeqdClientError `demo_running` when another one runs
   */
  async start(name: string, parameters: Readonly<Record<string, number>>): Promise<DemoRun> {
    const begunAt = Date.now() - CLOCK_TOLERANCE_MS;
    const body = JSON.stringify(parameters);
    let uncertain = false;
    const begun = async (url: string): Promise<DemoRun | undefined> => {
      if (!uncertain) return undefined;
      const { current, last } = await this.ask<DemoCatalogue>('GET', url, BASE);
      return [current, ...last].find(run => run?.name === name && run.startedAt >= begunAt) ?? undefined;
    };
    return this.patiently(async url => {
      const before = await begun(url);
      if (before !== undefined) return before;
      try {
        return await this.ask<DemoRun>('POST', url, `${BASE}/${name}`, body);
      } catch (error) {
        if (!(error instanceof SeqdClientError)) throw error;
        // The attempt that broke off may have come through only now.
        const ours = error.code === 'demo_running' ? await begun(url) : undefined;
        if (ours !== undefined) return ours;
        uncertain ||= error.retry === 'same-key';
        throw error;
      }
    });
  }

  /**
   * Gives a run as it is, then at each change, the last time when it has ended.
   *
   * @throws SeqdClientError `route_not_found` when it is lost, or the last failure (`bad_response`: nothing was said) when no node has
   *   told of it for long enough
   */
  async *follow(first: DemoRun): AsyncGenerator<DemoRun, void> {
    let run = first;
    let heardAtMs = performance.now();
    let why: SeqdClientError | undefined;
    yield run;
    while (run.state === 'running') {
      try {
        for await (run of this.linesOf(`${BASE}/runs/${run.id}`)) {
          heardAtMs = performance.now();
          yield run;
        }
        if (run.state !== 'running') return;
        why = undefined;
      } catch (error) {
        if (!(error instanceof SeqdClientError) || error.retry === 'never') throw error;
        why = tellingMore(why, error);
      }
      // A node that answers and tells nothing is as good as none.
      if (performance.now() - heardAtMs > this.patienceMs) throw why ?? nothingTold(this.url);
      this.turn += 1;
      await sleep(PAUSE_MS);
    }
  }

  /** Asks a run to end early and to restore what it broke; gives it as it is, perhaps not yet ended. */
  cancel(id: string): Promise<DemoRun> {
    return this.patiently(url => this.ask<DemoRun>('DELETE', url, `${BASE}/runs/${id}`));
  }

  /** Ends all connections. Idempotent. */
  close(): void {
    this.exchange.close();
  }

  private async ask<T>(
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    path: string,
    body?: string,
  ): Promise<T> {
    const prefer = method === 'POST' ? 'respond-async' : undefined;
    const timeoutMs = ATTEMPT_TIMEOUT_MS;
    const answer = await this.exchange.send({
      method,
      url,
      path,
      prefer,
      timeoutMs,
      ...(body === undefined ? {} : { body }),
    });
    return interpret(answer, url, [200, 202]) as T;
  }

  /** Tries one node after the other until one answers or refuses. */
  private async patiently<T>(attempt: (url: string) => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + this.patienceMs;
    let why: SeqdClientError | undefined;
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await attempt(this.url);
      } catch (error) {
        if (!(error instanceof SeqdClientError)) throw error;
        why = tellingMore(why, error);
        error.attempts = why.attempts = attempts;
        // Another run may take minutes; that is for people to decide.
        if (error.retry === 'never' || error.code === 'demo_running') throw error;
        if (performance.now() > deadlineMs) throw why;
        this.turn += 1;
        if (attempts % this.urls.length === 0) await sleep(PAUSE_MS);
      }
    }
  }

  /** The runs that one node tells of; ends with its answer, however that ends. @throws SeqdClientError when there is none */
  private async *linesOf(path: string): AsyncGenerator<DemoRun, void> {
    const { url } = this;
    const accept = 'application/x-ndjson';
    const response = await this.exchange.open({ url, path, accept, timeoutMs: ATTEMPT_TIMEOUT_MS });
    const { statusCode: status = 0, headers } = response;
    if (status !== 200) {
      const text = await read(response).catch(() => '');
      interpret({ status, headers, text }, url, []);
      return;
    }
    // A node that stands still keeps its connections; what it would say is to be had elsewhere.
    const silence = setTimeout(() => response.destroy(), this.silenceMsMax);
    try {
      for await (const line of linesIn(response, () => silence.refresh())) yield JSON.parse(line) as DemoRun;
    } catch (error) {
      if (error instanceof SeqdClientError) throw error;
      // The node has died, or was silent.
    } finally {
      clearTimeout(silence);
      response.destroy();
    }
  }

  private get url(): string {
    return this.urls[this.turn % this.urls.length]!;
  }
}

/** Of what several nodes said, or did not: an answer says more than that there was none. */
const tellingMore = (before: SeqdClientError | undefined, error: SeqdClientError): SeqdClientError =>
  before?.status !== undefined && error.status === undefined ? before : error;

const nothingTold = (url: string): SeqdClientError =>
  new SeqdClientError(`${url} and the other nodes tell nothing of the run any more`, {
    code: 'bad_response',
    retry: 'later',
    url,
  });

async function* linesIn(response: IncomingMessage, heard: () => void): AsyncGenerator<string, void> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const piece of response as AsyncIterable<string>) {
    heard();
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_LENGTH_MAX) throw new Error('a line is too long');
    yield* lines.filter(line => line.trim() !== '');
  }
}
