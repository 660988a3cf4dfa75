import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Samples } from '../samples.mjs';
import { NEXT_PATH, OWNER } from '../servers/seqd-request.mjs';
import { sharedNowMs } from './shared-clock.mjs';

const PAUSE_MS = 5;
const TIMEOUT_MS = 15_000;
const BODY = JSON.stringify(OWNER);
const HEADERS = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(BODY) };

/**
 * A client of one node that repeats nothing and goes nowhere else: it draws numbers one after the other over one kept
 * connection and notes when each came. A node's trouble shows in it undiluted.
 */
export class Prober {
  successesMs = new Samples();
  numbers = new Samples();
  /** Requests without a number: refused, or their outcome is not known. */
  failures = 0;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #url;
  #stopped = false;

  /** @param {string} url of the node */
  constructor(url) {
    this.#url = `${url}${NEXT_PATH}`;
  }

  /** Probes until {@link stop}; the last request is waited for. */
  async run() {
    while (!this.#stopped) {
      const number = await this.#draw();
      if (number === undefined) this.failures += 1;
      else {
        this.successesMs.push(sharedNowMs());
        this.numbers.push(number);
      }
      await sleep(PAUSE_MS);
    }
    this.#agent.destroy();
  }

  stop() {
    this.#stopped = true;
  }

  /** @returns {Promise<number | undefined>} */
  #draw() {
    return new Promise(resolve => {
      const fail = () => resolve(undefined);
      const options = { method: 'POST', agent: this.#agent, headers: HEADERS, timeout: TIMEOUT_MS };
      const sent = request(this.#url, options, response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', part => (text += String(part)));
        response.once('error', fail);
        response.once('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text).sequenceNumber);
          else fail();
        });
      });
      sent.once('error', fail);
      sent.once('timeout', () => sent.destroy());
      sent.end(BODY);
    });
  }
}
