/** A seeded source of chance: the same seed gives the same run. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A number in [0, 1). Mulberry32 (Tommy Ettinger, public domain). */
  readonly next = (): number => {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number, both ends inclusive. */
  int(first: number, last: number): number {
    return first + Math.floor(this.next() * (last - first + 1));
  }

  /** Mostly small, sometimes as large as `max`: how long things take in a network. */
  delay(typical: number, max: number): number {
    return this.chance(0.9) ? this.next() * typical : this.next() * max;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!;
  }

  /** Another source that depends on this one, so that drawing from one does not shift the other. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 4_294_967_296));
  }
}
