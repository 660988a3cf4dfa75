import type { NumberRange } from '../../core/ranges.ts';

/** Numbers of one chunk: as many as 16 bits tell apart. */
const CHUNK_SIZE = 65_536;
/** From so many numbers on a chunk is smaller as a bitmap than as a list. */
const LIST_MAX = 2_048;
/** Millions of rows of a real numbering fill thousands of chunks; numbers spread over more are no numbering. */
const CHUNKS_MAX = 1_000_000;

/**
 * A set of numbers from 0 to 2^53 − 1 whose memory goes with how they lie: an eighth of a byte each where they are dense, two bytes
 * where they are sparse, never an object or a text each.
 */
export class NumberSet {
  private readonly chunks = new Map<number, Chunk>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Adds a number. @returns whether it is new @throws RangeError when the numbers are spread too widely */
  add(number: number): boolean {
    const id = Math.floor(number / CHUNK_SIZE);
    let chunk = this.chunks.get(id);
    if (chunk === undefined) {
      if (this.chunks.size === CHUNKS_MAX) throw new RangeError('the numbers are spread too widely');
      this.chunks.set(id, (chunk = new Chunk()));
    }
    const added = chunk.add(number - id * CHUNK_SIZE);
    if (added) this.count += 1;
    return added;
  }

  has(number: number): boolean {
    const id = Math.floor(number / CHUNK_SIZE);
    return this.chunks.get(id)?.has(number - id * CHUNK_SIZE) ?? false;
  }

  /** Ascending. The set must not be changed meanwhile. */
  *numbers(): Generator<number> {
    const ids = Float64Array.from(this.chunks.keys()).sort();
    for (const id of ids) for (const offset of this.chunks.get(id)!.offsets()) yield id * CHUNK_SIZE + offset;
  }

  /** The runs of numbers that lie between others and are not in the set, ascending. */
  *gaps(): Generator<NumberRange> {
    let previous: number | undefined;
    for (const number of this.numbers()) {
      if (previous !== undefined && number > previous + 1) yield { first: previous + 1, last: number - 1 };
      previous = number;
    }
  }
}

/** A sorted list of 16-bit numbers while there are few, a bitmap after that. */
class Chunk {
  private list: Uint16Array | undefined = new Uint16Array(4);
  private length = 0;
  private bits: Uint32Array | undefined;

  add(offset: number): boolean {
    if (this.bits !== undefined) return setBit(this.bits, offset);
    const at = this.place(offset);
    if (at < this.length && this.list![at] === offset) return false;
    if (this.length === LIST_MAX) {
      this.bits = this.toBits();
      this.list = undefined;
      return setBit(this.bits, offset);
    }
    if (this.length === this.list!.length) {
      const longer = new Uint16Array(this.length * 2);
      longer.set(this.list!);
      this.list = longer;
    }
    this.list!.copyWithin(at + 1, at, this.length);
    this.list![at] = offset;
    this.length += 1;
    return true;
  }

  has(offset: number): boolean {
    if (this.bits !== undefined) return (this.bits[offset >>> 5]! & (1 << (offset & 31))) !== 0;
    const at = this.place(offset);
    return at < this.length && this.list![at] === offset;
  }

  *offsets(): Generator<number> {
    if (this.bits === undefined) {
      for (let i = 0; i < this.length; i += 1) yield this.list![i]!;
      return;
    }
    for (const [word, bits] of this.bits.entries()) {
      for (let rest = bits; rest !== 0; rest &= rest - 1) yield word * 32 + 31 - Math.clz32(rest & -rest);
    }
  }

  /** Index of the first entry that is not less. */
  private place(offset: number): number {
    const list = this.list!;
    // Numberings are mostly read in order.
    if (this.length === 0 || list[this.length - 1]! < offset) return this.length;
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (list[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private toBits(): Uint32Array {
    const bits = new Uint32Array(CHUNK_SIZE / 32);
    for (const offset of this.list!) setBit(bits, offset);
    return bits;
  }
}

function setBit(bits: Uint32Array, offset: number): boolean {
  const word = offset >>> 5;
  const bit = 1 << (offset & 31);
  if ((bits[word]! & bit) !== 0) return false;
  bits[word]! |= bit;
  return true;
}
