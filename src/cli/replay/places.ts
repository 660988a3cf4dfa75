import { createHash } from 'node:crypto';
import type { Vocabulary } from '../../client/index.ts';

/** Where a document is numbered. */
export interface Place {
  readonly siteId: string;
  readonly partitionId: string;
}

/**
 * Decides a country's site and partition: the same on every machine and in whatever order the places are listed,
 * and a new partition takes over countries but moves none between the others (rendezvous hashing).
 *
 * @param sites at least one partition in all
 */
export function createPlacement(sites: Vocabulary['sites']): (country: string) => Place {
  const places = sites.flatMap(({ id, partitions }) =>
    partitions.map(partition => ({ siteId: id, partitionId: partition })),
  );
  const decided = new Map<string, Place>();
  return country => {
    const known = decided.get(country);
    if (known !== undefined) return known;
    let best = places[0]!;
    let bestWeight = '';
    for (const place of places) {
      const weight = weigh(country, place);
      if (weight > bestWeight) [best, bestWeight] = [place, weight];
    }
    decided.set(country, best);
    return best;
  };
}

function weigh(country: string, { siteId, partitionId }: Place): string {
  return createHash('sha256')
    .update(JSON.stringify([country, siteId, partitionId]))
    .digest('hex');
}
