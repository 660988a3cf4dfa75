const FIRST_CAPACITY = 16_384;

/** Numbers in the order they were added, at eight bytes each: cheap enough to keep one for every answer. */
export class Samples {
  #values = new Float64Array(FIRST_CAPACITY);
  #length = 0;

  get length() {
    return this.#length;
  }

  /** @param {number} value */
  push(value) {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(2 * this.#values.length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  /** A copy of what was added. */
  toArray() {
    return this.#values.slice(0, this.#length);
  }
}
