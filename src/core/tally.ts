import type { Fact } from './facts.ts';
import { type Owner, ownerKey } from './identifiers.ts';
import { type NumberRange, rangeSize, rangesSize } from './ranges.ts';

/** How many numbers an owner drew, and what became of them. */
export interface Tally {
  /** Drawn in all, counting a reissued number each time. */
  readonly drawn: number;
  /** Belonging to the owner's documents now. */
  readonly issued: number;
  readonly released: number;
  readonly voided: number;
}

/** The tally of an owner that drew nothing yet. */
export const NO_TALLY: Tally = { drawn: 0, issued: 0, released: 0, voided: 0 };

/** How many numbers a drawing fact is about. */
export function drawCount(fact: { fresh: NumberRange | null; reused: readonly NumberRange[] }): number {
  return rangesSize(fact.reused) + (fact.fresh === null ? 0 : rangeSize(fact.fresh));
}

/** What a fact changes in its owner's tally; `undefined` when it concerns no document. */
export function tallyChange(fact: Fact): { owner: Owner; change: Partial<Tally> } | undefined {
  switch (fact.kind) {
    case 'issue': {
      const count = drawCount(fact);
      if (fact.suppressed === undefined)
        return { owner: fact.owner, change: { drawn: count, issued: count } };
      const end = fact.suppressed.to === 'pool' ? { released: count } : { voided: count };
      return { owner: fact.owner, change: { drawn: count, ...end } };
    }
    case 'block':
    case 'confirm': {
      const count = drawCount(fact);
      return { owner: fact.owner, change: { drawn: count, issued: count } };
    }
    case 'release':
      return {
        owner: fact.owner,
        change: fact.to === 'pool' ? { issued: -1, released: 1 } : { issued: -1, voided: 1 },
      };
    case 'void':
      return { owner: fact.owner, change: { issued: -1, voided: 1 } };
    case 'reserve':
    case 'cancel':
    case 'expire':
    case 'raise':
    case 'adopt':
    case 'retire':
      return undefined;
  }
}

/** Adds a change to the owner's tally in place. */
export function addTallyChange(
  tallies: Map<string, Tally>,
  fact: Fact,
  before: (owner: string) => Tally | undefined,
): void {
  const found = tallyChange(fact);
  if (found === undefined) return;
  const key = ownerKey(found.owner);
  const tally = before(key) ?? NO_TALLY;
  const { drawn = 0, issued = 0, released = 0, voided = 0 } = found.change;
  tallies.set(key, {
    drawn: tally.drawn + drawn,
    issued: tally.issued + issued,
    released: tally.released + released,
    voided: tally.voided + voided,
  });
}
