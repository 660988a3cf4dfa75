/**
 * Shows progress, one line per step with the time it took: live with colours on a terminal, plain lines
 * anywhere else.
 */
export class Terminal {
  /** @type {{ label: string, startedAt: number } | undefined} */
  #current;

  /** @param {NodeJS.WriteStream} stream */
  constructor(stream) {
    this.stream = stream;
    // Whoever read along may have gone (`| head`); what was started must not die of that.
    stream.on('error', () => {});
    const { NO_COLOR, TERM } = process.env;
    this.live = stream.isTTY && !NO_COLOR && TERM !== 'dumb';
  }

  /** @param {string} label */
  begin(label) {
    this.#current = { label, startedAt: performance.now() };
    if (this.live) this.stream.write(`  … ${label}`);
  }

  /** @param {string} [note] what came of it */
  done(note = '') {
    this.#end('\u001B[32m✓\u001B[0m', 'ok', note);
  }

  /** Ends the current step, if any, as failed. */
  fail() {
    this.#end('\u001B[31m✗\u001B[0m', 'failed', '');
  }

  /**
   * A line of its own, also in the middle of a step.
   *
   * @param {string} text
   */
  line(text) {
    if (this.live && this.#current !== undefined)
      this.stream.write(`\r\u001B[2K${text}\n  … ${this.#current.label}`);
    else this.stream.write(`${text}\n`);
  }

  /**
   * Runs one step of ours.
   *
   * @template T
   * @param {string} label
   * @param {() => Promise<T>} work
   * @param {(result: T) => string} note says what came of it
   * @returns {Promise<T>}
   */
  async step(label, work, note) {
    this.begin(label);
    try {
      const result = await work();
      this.done(note(result));
      return result;
    } catch (error) {
      this.fail();
      throw error;
    }
  }

  /**
   * @param {string} sign
   * @param {string} word
   * @param {string} note
   */
  #end(sign, word, note) {
    if (this.#current === undefined) return;
    const { label, startedAt } = this.#current;
    this.#current = undefined;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const text = `${label}${note === '' ? '' : `: ${note}`} (${seconds} s)`;
    this.stream.write(this.live ? `\r\u001B[2K  ${sign} ${text}\n` : `  ${word}  ${text}\n`);
  }
}
