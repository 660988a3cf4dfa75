import { randomUUID } from 'node:crypto';
import type { ObservedOperation } from '../../src/core/history.ts';
import { parseAllocationId } from '../../src/core/identifiers.ts';
import { type HttpAnswer, HttpClient, nextBody } from './http-client.ts';
import { until } from './until.ts';

/** A document that wants a number, and everything that was tried for it. */
export interface NumberedDocument {
  readonly key: string;
  readonly number: number;
  readonly allocationId: string;
  readonly attempts: number;
  readonly replayed: boolean;
  readonly operation: ObservedOperation;
}

/** How a client behaves. */
export interface RuleClientOptions {
  /** Looked up with every attempt, as nodes come and go. */
  readonly urls: () => readonly string[];
  /** For one document with all its retries. */
  readonly budgetMs?: number;
  /** One attempt is given up after this. */
  readonly attemptTimeoutMs?: number;
  /** Told of every answer that is no number. */
  readonly onRefusal?: (answer: HttpAnswer) => void;
}

/**
 * Clients that keep the retry rule and nothing else: one key per document; on a lost answer or a problem that
 * allows it, the same key again, on another node. Deliberately not the product's own client: it judges it too.
 */
export class RuleClient {
  private readonly http = new HttpClient();
  private readonly options: Required<RuleClientOptions>;
  private turn = 0;
  private closed = false;
  retries = 0;

  constructor(options: RuleClientOptions) {
    this.options = { budgetMs: 30_000, attemptTimeoutMs: 5_000, onRefusal: () => {}, ...options };
  }

  /** Gets a number for one document. @throws when the rule allows no retry, or the budget is used up */
  async draw(key: string = randomUUID(), fields: Record<string, unknown> = {}): Promise<NumberedDocument> {
    const { urls, budgetMs } = this.options;
    const invokedAtMs = performance.now();
    for (let attempts = 1; ; attempts += 1) {
      if (this.closed) throw new Error(`document ${key} has no number: the client is closed`);
      const nodes = urls();
      const url = nodes[this.turn++ % nodes.length]!;
      const answer = await this.attempt(url, key, fields);
      if (answer.status === 200) return describe(key, answer, attempts, invokedAtMs);
      if (answer.body?.retry === 'never') {
        throw new Error(`document ${key} was refused by ${url}: ${JSON.stringify(answer.body)}`);
      }
      if (performance.now() - invokedAtMs > budgetMs) {
        throw new Error(
          `document ${key} has no number after ${attempts} attempts: ${JSON.stringify(answer)}`,
        );
      }
      this.retries += 1;
      await new Promise(resolve => setTimeout(resolve, Math.random() * Math.min(300, 20 * attempts)));
    }
  }

  /** Numbers for `count` documents, `concurrency` at a time. */
  async drawMany(count: number, concurrency: number): Promise<readonly NumberedDocument[]> {
    const documents: NumberedDocument[] = [];
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) documents.push(await this.draw());
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return documents;
  }

  /** Draws with `clients` at a time until told to stop. */
  start(clients: number): RunningLoad {
    return new RunningLoad(this, clients);
  }

  /** Ends what still draws, too: the load of a test that has failed must not go on at the nodes of the next one. */
  close(): void {
    this.closed = true;
    this.http.close();
  }

  /** One attempt; no answer looks like one that may be retried. */
  private async attempt(
    url: string,
    key: string,
    fields: Record<string, unknown>,
  ): Promise<Pick<HttpAnswer, 'status' | 'body'>> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), this.options.attemptTimeoutMs);
    });
    try {
      const sent = this.http.post(`${url}/api/v1/sequence/next`, nextBody(fields), {
        'idempotency-key': key,
      });
      const answer = await Promise.race([sent, late]);
      if (answer.status !== 200) this.options.onRefusal(answer);
      return answer;
    } catch (error) {
      return { status: 0, body: { retry: 'same-key', detail: String(error) } };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Load that goes on until it is stopped. */
export class RunningLoad {
  /** Documents with their numbers, so far. */
  readonly documents: NumberedDocument[] = [];
  private readonly client: RuleClient;
  private readonly done: Promise<unknown>;
  private failure: unknown;
  private running = true;

  constructor(client: RuleClient, clients: number) {
    this.client = client;
    this.done = Promise.all(Array.from({ length: clients }, () => this.work())).catch((error: unknown) => {
      this.failure = error;
      this.running = false;
    });
  }

  /** Requests that were answered with an error, or not at all, and sent again. */
  get retries(): number {
    return this.client.retries;
  }

  /** Resolves when `count` more documents than now have their number. */
  async more(count: number): Promise<void> {
    const wanted = this.documents.length + count;
    const enough = (): boolean => this.documents.length >= wanted || this.failure !== undefined;
    await until(`${count} more documents`, enough, { timeoutMs: 40_000 });
    if (this.failure !== undefined) throw this.failure;
  }

  /** Takes in no more documents; resolves when those begun have their number. Rejects if one has failed. */
  async stop(): Promise<readonly NumberedDocument[]> {
    this.running = false;
    await this.done;
    if (this.failure !== undefined) throw this.failure;
    return this.documents;
  }

  private async work(): Promise<void> {
    while (this.running) this.documents.push(await this.client.draw());
  }
}

function describe(
  key: string,
  { headers, body }: Pick<HttpAnswer, 'body'> & { headers?: HttpAnswer['headers'] },
  attempts: number,
  invokedAtMs: number,
): NumberedDocument {
  return {
    key,
    number: body.sequenceNumber,
    allocationId: body.allocationId,
    attempts,
    replayed: headers?.['idempotent-replayed'] === 'true',
    operation: {
      invokedAtMs,
      returnedAtMs: performance.now(),
      result: {
        kind: 'draw',
        position: parseAllocationId(body.allocationId)!,
        revision: body.revision,
        ranges: body.numbers.map((range: object) => ({ ...range, reused: body.reused })),
      },
    },
  };
}
