import { migratePocLedger, startPocLedger } from './poc-ledger.mjs';

/** @typedef {import('./keep-alive.mjs').Keeper} Keeper */
/** @typedef {import('../lib/postgres-server.mjs').PostgresServer} PostgresServer */

/**
 * The ledger of a run: one of our own, one that is given, or none. Without it the demonstration goes on, for numbers do not need it.
 *
 * States: created → start → stop.
 */
export class RunLedger {
  /** @type {PostgresServer | undefined} */
  #server;
  /** @type {Keeper | undefined} */
  #keeper;
  /** @type {string | undefined} what is wrong with it */
  #why;

  /**
   * @param {object} options
   * @param {import('./poc-ledger.mjs').LedgerChoice} options.choice
   * @param {string} options.logDir
   * @param {string} options.entry the program of a node
   * @param {(line: string) => void} options.log
   */
  constructor({ choice, logDir, entry, log }) {
    this.choice = choice;
    this.logDir = logDir;
    this.entry = entry;
    this.log = log;
  }

  /** For the nodes. A given one is in the configuration, which must not name one where there is none. */
  get variables() {
    return this.choice.source === 'given' ? {} : { SEQD_LEDGER_URL: this.#server?.url ?? 'null' };
  }

  /**
   * For the run file.
   *
   * @returns {import('./run-file.mjs').RunLedger}
   */
  describe() {
    const why = this.#why === undefined ? {} : { why: this.#why };
    if (this.choice.source !== 'own' || this.#server === undefined)
      return { source: this.choice.source === 'given' ? 'given' : 'none', ...why };
    const { url, version, pid = 0 } = this.#server;
    return { source: 'own', url, version, directory: this.choice.directory, pid };
  }

  /**
   * Starts it, and makes its tables. Never rejects: {@link describe} says why there is none.
   *
   * @param {(child: PostgresServer) => Keeper} keep
   */
  async start(keep) {
    const { choice } = this;
    if (choice.source === 'none') {
      this.#why = choice.why;
      return;
    }
    try {
      this.#server = await startPocLedger(choice, this.logDir);
      if (this.#server !== undefined) this.#keeper = keep(this.#server);
      await this.#server?.ready();
      const url = choice.source === 'given' ? choice.url : this.#server?.url;
      if (url !== undefined) await migratePocLedger(url, this.entry);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.log(`the ledger does not run: ${why}`);
      this.#why = why.split('\n', 1)[0] ?? '';
      // A given one may come later; the nodes look for it by themselves.
      if (choice.source !== 'own') return;
      await this.stop();
      this.#server = undefined;
    }
  }

  /** Ends one of our own. */
  async stop() {
    this.#keeper?.release();
    await this.#server?.stop();
  }
}
