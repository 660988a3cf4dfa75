import { setTimeout as sleep } from 'node:timers/promises';
import { importBuilt } from '../built.mjs';
import { Samples } from '../samples.mjs';
import { OWNER } from '../servers/seqd-request.mjs';

const WORKERS = 4;
const PAUSE_MS = 5;

/** Callers that follow the retry rule (docs/retry-rule.md), through one `SeqdClient`. To them nothing may ever fail. */
export class RuleDrawers {
  numbers = new Samples();
  /** The longest a caller waited for its number, repetitions included. */
  longestMs = 0;
  /** @type {string[]} */
  errors = [];
  #client;
  #stopped = false;

  /** @param {import('../../../src/client/seqd-client.ts').SeqdClient} client */
  constructor(client) {
    this.#client = client;
  }

  /** @param {readonly string[]} urls the nodes that the callers may ask */
  static async create(urls) {
    /** @type {typeof import('../../../src/client/index.ts')} */
    const { SeqdClient } = await importBuilt('client/index.js');
    return new RuleDrawers(new SeqdClient({ urls }));
  }

  /** Draws until {@link stop}; the last requests are waited for. */
  async run() {
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
    this.#client.close();
  }

  stop() {
    this.#stopped = true;
  }

  async #work() {
    while (!this.#stopped) {
      const from = performance.now();
      try {
        const { reply } = await this.#client.next(OWNER);
        this.numbers.push(reply.sequenceNumber);
      } catch (error) {
        this.errors.push(String(error));
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - from);
      await sleep(PAUSE_MS);
    }
  }
}
