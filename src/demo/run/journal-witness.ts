import type { Batch, Fact } from '../../core/facts.ts';
import { formatAllocationId, parseAllocationId } from '../../core/identifiers.ts';
import { listNumbers } from '../load/answer-book.ts';

/** How many are named where something is wrong. */
const NAMED_MAX = 5;

/**
 * Holds what clients of a run were told against the journal: every allocation is there, with the same numbers, and no key has two. A
 * complete series alone does not say so: an answer that was never committed, or a request that was carried out again when it was
 * repeated, leaves no hole in it.
 */
export class JournalWitness {
  private readonly told: ReadonlyMap<string, string>;
  private readonly keyPrefix: string;
  private readonly missing: Set<string>;
  private readonly keys = new Set<string>();
  private readonly wrong: string[] = [];
  private readonly repeated: string[] = [];

  /**
   * @param told numbers by allocation, as an answer book has them
   * @param keyPrefix of the idempotency keys of the run
   */
  constructor(told: ReadonlyMap<string, string>, keyPrefix: string) {
    this.told = told;
    this.keyPrefix = keyPrefix;
    this.missing = new Set(told.keys());
  }

  /** Takes a batch of the journal; each once, in order. */
  see({ sequence, facts }: Pick<Batch, 'sequence' | 'facts'>): void {
    for (const [index, fact] of facts.entries()) {
      const id = formatAllocationId({ sequence, index });
      const told = this.told.get(id);
      if (told !== undefined) {
        this.missing.delete(id);
        const drawn = drawnBy(fact);
        if (drawn !== told)
          this.wrong.push(`allocation ${id} is ${drawn ?? 'none'}, and a client was told ${told}`);
      }
      if (fact.key?.startsWith(this.keyPrefix) !== true) continue;
      if (this.keys.has(fact.key)) this.repeated.push(fact.key);
      this.keys.add(fact.key);
    }
  }

  /** How many allocations nobody can tell of any more. @param journalFirst what was before it is pruned */
  pruned({ journalFirst }: { readonly journalFirst: number }): number {
    return [...this.missing].filter(isBefore(journalFirst)).length;
  }

  /** What is wrong with the answers that the journal can tell of, one sentence each. @param journalFirst as for {@link pruned} */
  problems({ journalFirst }: { readonly journalFirst: number }): string[] {
    const pruned = isBefore(journalFirst);
    const missing = [...this.missing].filter(id => !pruned(id));
    return [
      ...(missing.length === 0
        ? []
        : [`the journal lacks ${missing.length} allocations that clients were told of: ${some(missing)}`]),
      ...(this.wrong.length === 0 ? [] : [some(this.wrong)]),
      ...(this.repeated.length === 0
        ? []
        : [
            `${this.repeated.length} requests were carried out twice with the same key: ${some(this.repeated)}`,
          ]),
    ];
  }
}

const isBefore =
  (journalFirst: number) =>
  (id: string): boolean =>
    (parseAllocationId(id)?.sequence ?? Infinity) < journalFirst;

/** Numbers that a fact gave to somebody; `undefined` when it is of another kind. */
function drawnBy(fact: Fact): string | undefined {
  if (fact.kind !== 'issue' && fact.kind !== 'block') return undefined;
  return listNumbers([...fact.reused, ...(fact.fresh === null ? [] : [fact.fresh])]);
}

const some = (names: readonly string[]): string =>
  `${names.slice(0, NAMED_MAX).join(', ')}${names.length > NAMED_MAX ? ', …' : ''}`;
