import type { NumberRange } from '../../client/index.ts';

/** How many numbers are named where something is wrong with them. */
const NAMED_MAX = 10;

/** The numbers that clients of a run were given. */
export class AnswerBook {
  private readonly seen = new Set<number>();
  private readonly twiceNamed: number[] = [];
  private twiceCount = 0;
  private highest = 0;
  private drawn = 0;

  /** Numbers given, in all. */
  get count(): number {
    return this.drawn;
  }

  /** How many were given a second time without having been given back. */
  get twice(): number {
    return this.twiceCount;
  }

  /**
   * Notes an answer. A number that comes from the pool may come again: somebody has given it back meanwhile, and the
   * verification of the series finds it if not.
   */
  note({ numbers, reused }: { readonly numbers: readonly NumberRange[]; readonly reused: boolean }): void {
    for (const range of numbers) {
      for (let number = range.first; number <= range.last; number += 1) {
        this.drawn += 1;
        this.highest = Math.max(this.highest, number);
        if (this.seen.has(number) && !(range.reused ?? reused)) {
          this.twiceCount += 1;
          if (this.twiceNamed.length < NAMED_MAX) this.twiceNamed.push(number);
        }
        this.seen.add(number);
      }
    }
  }

  /** What is wrong with the answers, seen from the series at the end: one sentence each. */
  problems({ next }: { readonly next: number }): string[] {
    const problems: string[] = [];
    if (this.twiceCount > 0)
      problems.push(`${this.twiceCount} numbers were given to two clients: ${this.twiceNamed.join(', ')}`);
    if (this.highest >= next)
      problems.push(`a client was given ${this.highest}, but the series has only got to ${next - 1}`);
    return problems;
  }
}
