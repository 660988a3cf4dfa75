import { eventOf } from '../../core/document-event.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import type { CommittedBatch } from '../../sequencer/observer.ts';
import type { NumberEvent } from './live-protocol.ts';

/** Ranges of an event; the rest is in the journal. */
const RANGES_MAX = 8;

/** One fact of a committed batch as viewers are told of it. */
export function numberEventOf(
  { batch, revision }: Pick<CommittedBatch, 'batch' | 'revision'>,
  index: number,
  series: SeriesId,
): NumberEvent {
  const { data } = eventOf(batch, index, { cluster: '', series, revision });
  const { kind, count, owner, allocationId, reference, client, reason, actor, to, suppressed } = data;
  return {
    id: `${batch.sequence}-${index}`,
    category: 'number',
    at: batch.time,
    kind,
    numbers: data.numbers.slice(0, RANGES_MAX).map(({ first, last, reused }) => ({
      first,
      last,
      ...(reused === true ? { reused } : {}),
    })),
    count,
    ...(owner === undefined ? {} : { site: owner.site, partition: owner.partition, type: owner.type }),
    ...(allocationId === undefined ? {} : { allocationId }),
    ...(reference === undefined ? {} : { reference }),
    ...(client === undefined ? {} : { client }),
    ...(suppressed === undefined
      ? optional({ reason, to })
      : { reason: suppressed.reason, to: suppressed.to, suppressed: true }),
    ...(actor === undefined ? {} : { actor }),
    node: batch.node.split('/', 1)[0]!,
    revision,
  };
}

function optional<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
