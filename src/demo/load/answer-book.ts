import type { NextReply } from '../../client/index.ts';

/** How many numbers are named where something is wrong with them. */
const NAMED_MAX = 10;

/** An answer with numbers. */
export type Answered = Pick<NextReply, 'numbers' | 'reused' | 'allocationId'>;

/** `17,18,21`: every number, ascending, however they are put into ranges. */
export function listNumbers(ranges: readonly { readonly first: number; readonly last: number }[]): string {
  const numbers = ranges.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i),
  );
  return numbers.sort((a, b) => a - b).join(',');
}

/** The numbers that clients of a run were given. */
export class AnswerBook {
  private readonly seen = new Set<number>();
  private readonly told = new Map<string, string>();
  private withoutAllocation = 0;
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

  /** What was told of each allocation, as {@link listNumbers} writes it. */
  get allocations(): ReadonlyMap<string, string> {
    return this.told;
  }

  /**
   * Notes an answer. A number that comes from the pool may come again, with another allocation: somebody has given it back meanwhile.
   * Whether that is so, the journal tells ({@link JournalWitness}).
   */
  note({ numbers, reused, allocationId }: Answered): void {
    const again = allocationId !== undefined && this.told.has(allocationId);
    if (allocationId === undefined) this.withoutAllocation += 1;
    else if (!again) this.told.set(allocationId, listNumbers(numbers));
    for (const range of numbers) {
      for (let number = range.first; number <= range.last; number += 1) {
        this.drawn += 1;
        this.highest = Math.max(this.highest, number);
        if (this.seen.has(number) && (again || !(range.reused ?? reused))) {
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
    if (this.withoutAllocation > 0)
      problems.push(
        `${this.withoutAllocation} answers named no allocation, so nobody can tell whose numbers they are`,
      );
    if (this.highest >= next)
      problems.push(`a client was given ${this.highest}, but the series has only got to ${next - 1}`);
    return problems;
  }
}
