import { parseOwnerKey } from '../core/identifiers.ts';
import type { SeriesState } from '../core/state.ts';

/** Numbers by owner: held now, drawn in all (a reused number counts each time), released, void. */
export interface OwnerTally {
  readonly issued: number;
  readonly drawn: number;
  readonly released: number;
  readonly void: number;
}

/** The numbers of a series by who has them; keys of `byPartition` are `site/partition`. */
export interface OwnerTallies {
  readonly bySite: Readonly<Record<string, OwnerTally>>;
  readonly byPartition: Readonly<Record<string, OwnerTally>>;
  readonly byType: Readonly<Record<string, OwnerTally>>;
}

type Sum = { -readonly [K in keyof OwnerTally]: OwnerTally[K] };

/** Adds up a state's tallies by site, partition and type. Takes time with the number of owners, so not for every request. */
export function byOwner(state: Pick<SeriesState, 'owners' | 'tally'>): OwnerTallies {
  const bySite: Record<string, Sum> = {};
  const byPartition: Record<string, Sum> = {};
  const byType: Record<string, Sum> = {};
  for (const key of [...state.owners()].sort()) {
    const { site, partition, type } = parseOwnerKey(key);
    const { issued, drawn, released, voided } = state.tally(key)!;
    for (const sum of [
      (bySite[site] ??= none()),
      (byPartition[`${site}/${partition}`] ??= none()),
      (byType[type] ??= none()),
    ]) {
      sum.issued += issued;
      sum.drawn += drawn;
      sum.released += released;
      sum.void += voided;
    }
  }
  return { bySite, byPartition, byType };
}

function none(): Sum {
  return { issued: 0, drawn: 0, released: 0, void: 0 };
}
