import { connect } from 'node:net';
import { Samples } from '../samples.mjs';
import { startStopwatch } from '../stopwatch.mjs';

/** @typedef {import('../answer-readers.mjs').AnswerReader} AnswerReader */
/** @typedef {import('../figures.mjs').RawLoad} RawLoad */
/** @typedef {{ host: string, port: number, request: Buffer }} Target */

const READ_BUFFER_BYTES = 16_384;

/**
 * Keeps one request under way on each connection for `ms` milliseconds, then waits for the last answers.
 *
 * It does as little as it can, so that the figures are the server's: each request is one prepared buffer, answers
 * are read where the system put them (one buffer a connection, no stream), and nothing is made for each answer.
 *
 * @param {{ targets: readonly Target[], createReader: () => AnswerReader, ms: number }} options one connection
 *   for each target
 * @returns {Promise<RawLoad>}
 * @throws what the reader throws about an answer, and when a connection breaks
 */
export async function loadSockets({ targets, createReader, ms }) {
  const latenciesMs = new Samples();
  const drawn = new Samples();
  const connections = targets.map(
    target => new Connection(target, { reader: createReader(), latenciesMs, drawn }),
  );
  try {
    await Promise.all(connections.map(connection => connection.open()));
    const lap = startStopwatch();
    const until = performance.now() + ms;
    await Promise.all(connections.map(connection => connection.drive(until)));
    return { ...lap(), latenciesMs, drawn };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** One socket and its request. States: created → `open` → `drive` (send, read, send, …) → done → `close`. */
class Connection {
  /** @type {import('node:net').Socket | undefined} */
  #socket;
  #target;
  #reader;
  #latenciesMs;
  #drawn;
  #sentAtMs = 0;
  #untilMs = 0;
  #done = () => {};
  /** @type {(error: Error) => void} */
  #fail = () => {};

  /**
   * @param {Target} target
   * @param {{ reader: AnswerReader, latenciesMs: Samples, drawn: Samples }} into
   */
  constructor(target, { reader, latenciesMs, drawn }) {
    this.#target = target;
    this.#reader = reader;
    this.#latenciesMs = latenciesMs;
    this.#drawn = drawn;
  }

  /** @returns {Promise<void>} */
  open() {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      const { host, port } = this.#target;
      const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
      const onread = {
        buffer,
        /** @param {number} length */
        callback: length => this.#read(length === buffer.length ? buffer : buffer.subarray(0, length)),
      };
      this.#socket = connect({ host, port, noDelay: true, onread });
      this.#socket.once('connect', resolve);
      this.#socket.on('error', error => this.#fail(error));
      this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
    });
  }

  /** @param {number} untilMs @returns {Promise<void>} */
  drive(untilMs) {
    return new Promise((resolve, reject) => {
      this.#untilMs = untilMs;
      this.#done = resolve;
      this.#fail = reject;
      this.#send(performance.now());
    });
  }

  close() {
    this.#socket?.destroy();
  }

  /** @param {number} nowMs */
  #send(nowMs) {
    this.#sentAtMs = nowMs;
    this.#socket?.write(this.#target.request);
  }

  /** @param {Buffer} bytes @returns {boolean} whether to go on reading */
  #read(bytes) {
    try {
      if (!this.#reader.feed(bytes)) return true;
    } catch (error) {
      this.#fail(/** @type {Error} */ (error));
      return false;
    }
    const nowMs = performance.now();
    this.#latenciesMs.push(nowMs - this.#sentAtMs);
    const { number } = this.#reader;
    if (!Number.isNaN(number)) this.#drawn.push(number);
    if (nowMs < this.#untilMs) this.#send(nowMs);
    else this.#done();
    return true;
  }
}
