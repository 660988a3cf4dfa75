/**
 * @typedef {object} AnswerReader finds the end of one answer after the other in what a socket gives
 * @property {(bytes: Buffer) => boolean} feed takes the next bytes, which are only lent; true once the answer is
 *   complete. Throws when the answer is not the one hoped for.
 * @property {number} number the number in the last complete answer; NaN when it has none
 */

const ANSWER_BYTES_MAX = 65_536;
const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH_NAMES = [Buffer.from('\r\ncontent-length: '), Buffer.from('\r\nContent-Length: ')];
const NUMBER_NAME = Buffer.from('"sequenceNumber":');
const STATUS_AT = 9;
const ZERO = 0x30;

/** Puts together an answer that came in pieces. The usual answer comes whole and is read where it lies. */
class Pieces {
  /** @type {Buffer | undefined} */
  #held;

  /** @param {Buffer} bytes @returns {Buffer} everything of this answer so far */
  join(bytes) {
    if (this.#held === undefined) return bytes;
    const joined = Buffer.concat([this.#held, bytes]);
    if (joined.length > ANSWER_BYTES_MAX) throw new Error('an answer without end');
    return joined;
  }

  /** @param {Buffer} bytes what {@link join} gave: still incomplete */
  hold(bytes) {
    this.#held = bytes === this.#held ? bytes : Buffer.from(bytes);
  }

  clear() {
    this.#held = undefined;
  }
}

/**
 * Reads HTTP/1.1 answers: status, length, and of the body the sequence number. Only `200` will do.
 *
 * @implements {AnswerReader}
 */
export class HttpAnswerReader {
  number = Number.NaN;
  #pieces = new Pieces();
  /** The spelling that this server uses is tried first. */
  #lengthNames = LENGTH_NAMES;

  /** @param {Buffer} bytes */
  feed(bytes) {
    const all = this.#pieces.join(bytes);
    const headEnd = all.indexOf(HEAD_END);
    const bodyAt = headEnd + HEAD_END.length;
    const end = headEnd < 0 ? Number.POSITIVE_INFINITY : bodyAt + this.#bodyLength(all, headEnd);
    if (all.length < end) {
      this.#pieces.hold(all);
      return false;
    }
    if (all.length > end || digitsAt(all, STATUS_AT) !== 200) throw new Error(all.toString('utf8'));
    const nameAt = all.indexOf(NUMBER_NAME, bodyAt);
    this.number = nameAt < 0 ? Number.NaN : digitsAt(all, nameAt + NUMBER_NAME.length);
    this.#pieces.clear();
    return true;
  }

  /** @param {Buffer} all @param {number} headEnd @returns {number} */
  #bodyLength(all, headEnd) {
    for (const name of this.#lengthNames) {
      const at = all.indexOf(name);
      if (at < 0 || at > headEnd) continue;
      if (name !== this.#lengthNames[0])
        this.#lengthNames = [name, ...this.#lengthNames.filter(other => other !== name)];
      return digitsAt(all, at + name.length);
    }
    throw new Error(`an answer without a length: ${all.toString('latin1', 0, headEnd)}`);
  }
}

/**
 * Reads Redis' integer replies, `:4711\r\n`.
 *
 * @implements {AnswerReader}
 */
export class RedisIntegerReader {
  number = Number.NaN;
  #pieces = new Pieces();

  /** @param {Buffer} bytes */
  feed(bytes) {
    const all = this.#pieces.join(bytes);
    if (all[all.length - 1] !== 0x0a) {
      this.#pieces.hold(all);
      return false;
    }
    if (all[0] !== 0x3a) throw new Error(`Redis: ${all.toString('utf8').trim()}`);
    this.number = digitsAt(all, 1);
    this.#pieces.clear();
    return true;
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {number} the decimal number that begins there; NaN when there is no digit
 */
function digitsAt(bytes, at) {
  let value = Number.NaN;
  for (let i = at; i < bytes.length; i += 1) {
    const digit = /** @type {number} */ (bytes[i]) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = (i === at ? 0 : value * 10) + digit;
  }
  return value;
}
