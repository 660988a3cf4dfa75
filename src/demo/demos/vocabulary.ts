import type { NextInput, Vocabulary } from '../../client/index.ts';
import type { HostNode } from '../host/messages.ts';
import { DemoFailure } from '../run/demo.ts';

/** Document types whose numbers stay with their documents. @throws DemoFailure when there is none */
export function issuedTypes({ invoiceTypes }: Vocabulary): string[] {
  const names = Object.keys(invoiceTypes).filter(name => invoiceTypes[name] === 'issue');
  if (names.length === 0) throw new DemoFailure('the cluster has no document type that keeps its numbers');
  return names;
}

/** All places, in the order of the configuration. */
export function placesOf({ sites }: Vocabulary): { siteId: string; partitionId: string }[] {
  return sites.flatMap(({ id, partitions }) =>
    partitions.map(partition => ({ siteId: id, partitionId: partition })),
  );
}

/** What a client of a node asks for: a number for that node's own place, document types in turn. */
export function inputOf(
  vocabulary: Vocabulary,
  label: string,
): (node: Pick<HostNode, 'site' | 'partition'>, client: number) => NextInput {
  const types = issuedTypes(vocabulary);
  const places = placesOf(vocabulary);
  return ({ site, partition }, client) => ({
    ...(places.find(place => place.siteId === site && place.partitionId === partition) ?? places[0]!),
    invoiceType: types[client % types.length]!,
    clientId: label,
    reference: label,
  });
}
