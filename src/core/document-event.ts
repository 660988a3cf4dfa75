import type { Batch, Fact, ImportStart, ReleaseTarget } from './facts.ts';
import { formatAllocationId, type Owner, type Position, type SeriesId, seriesName } from './identifiers.ts';
import { type NumberRange, rangesSize } from './ranges.ts';

/** What an event is about. */
export type EventKind = Fact['kind'];

/** All kinds there are. */
export const EVENT_KINDS = [
  'issue',
  'block',
  'reserve',
  'confirm',
  'cancel',
  'expire',
  'release',
  'void',
  'raise',
  'adopt',
  'retire',
] as const satisfies readonly EventKind[];

/** Numbers of an event; `reused` says of those drawn whether they came from the pool. */
export interface EventRange extends NumberRange {
  readonly reused?: boolean;
}

/**
 * One fact of the journal as other systems are told of it (docs/events.md, docs/event.schema.json): version 1. Its attributes are
 * those of CloudEvents 1.0. Fields may be added; any other change is another version.
 */
export interface DocumentEvent {
  readonly specversion: '1.0';
  /** As {@link eventId} makes it: the same each time it is delivered, and no other event's. */
  readonly id: string;
  readonly source: string;
  readonly type: `seqd.${EventKind}.v1`;
  /** The batch's, RFC 3339 in UTC. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: EventData;
}

/** What an event says. What does not apply to its kind, or was not given, is left out. */
export interface EventData extends SeriesId, Position {
  readonly kind: EventKind;
  readonly cluster: string;
  /** Ascending; of those drawn, the reused ones first. Empty for a raise that skips nothing, an import without gaps, and one whose gaps become void from then on. */
  readonly numbers: readonly EventRange[];
  readonly count: number;
  /** etcd's revision of the commit. */
  readonly revision: number;
  /** The node process that committed it. */
  readonly node: string;
  readonly owner?: Owner;
  /** The allocation or reservation it makes, or is about. */
  readonly allocationId?: string;
  readonly reference?: string;
  readonly client?: string;
  readonly trace?: string;
  /** Of an issue whose numbers were given back in the same step. */
  readonly suppressed?: { readonly reason: string; readonly to: ReleaseTarget };
  /** Where numbers given back went, and gaps. */
  readonly to?: ReleaseTarget;
  readonly reason?: string;
  readonly actor?: string;
  /** Of a reservation, RFC 3339. */
  readonly deadline?: string;
  /** Of a raise: the counter's next number after it. */
  readonly next?: number;
  readonly imported?: ImportStart;
  /** Of imported gaps: the numbers that were looked through, and the list they are from. */
  readonly covers?: NumberRange;
  readonly list?: string;
}

/** Where a batch was committed. */
export interface BatchOrigin {
  readonly cluster: string;
  readonly series: SeriesId;
  readonly revision: number;
  /** Of the last recovery before it, when there was one. */
  readonly branch?: string | null;
}

/**
 * Names an event: `<cluster>/<tenant>/<series>/<period>/<sequence>-<index>`, and after a recovery `~<branch>`, because a batch of the same
 * sequence may have been told of before it was lost (ADR 015).
 */
export function eventId(
  cluster: string,
  series: SeriesId,
  { branch = null, ...position }: Position & { readonly branch?: string | null },
): string {
  const name = `${cluster}/${seriesName(series)}/${formatAllocationId(position)}`;
  return branch === null ? name : `${name}~${branch}`;
}

/** The event of a batch's fact. */
export function eventOf(batch: Batch, index: number, origin: BatchOrigin): DocumentEvent {
  const fact = batch.facts[index]!;
  const { cluster, series, revision, branch = null } = origin;
  const position = { sequence: batch.sequence, index };
  const numbers = numbersOf(fact);
  const allocation = allocationOf(fact, position);
  return {
    specversion: '1.0',
    id: eventId(cluster, series, { ...position, branch }),
    source: `/seqd/${cluster}/${seriesName(series)}`,
    type: `seqd.${fact.kind}.v1`,
    time: new Date(batch.time).toISOString(),
    datacontenttype: 'application/json',
    data: {
      kind: fact.kind,
      cluster,
      ...series,
      ...position,
      numbers,
      count: rangesSize(numbers),
      revision,
      node: batch.node,
      ...('owner' in fact ? { owner: fact.owner } : {}),
      ...(allocation === undefined ? {} : { allocationId: formatAllocationId(allocation) }),
      ...(fact.reference === undefined ? {} : { reference: fact.reference }),
      ...(fact.client === undefined ? {} : { client: fact.client }),
      ...(fact.trace === undefined ? {} : { trace: fact.trace }),
      ...particulars(fact),
    },
  };
}

function numbersOf(fact: Fact): EventRange[] {
  switch (fact.kind) {
    case 'release':
    case 'void':
      return [{ first: fact.number, last: fact.number }];
    case 'raise':
      return fact.skipped === null ? [] : [{ first: fact.skipped.first, last: fact.skipped.last }];
    case 'adopt':
      return fact.gaps.map(({ first, last }) => ({ first, last }));
    case 'retire':
      return fact.ranges.map(({ first, last }) => ({ first, last }));
    default: {
      const ranges = fact.reused.map(({ first, last }) => ({ first, last, reused: true }));
      if (fact.fresh === null) return ranges;
      return [...ranges, { first: fact.fresh.first, last: fact.fresh.last, reused: false }];
    }
  }
}

function allocationOf(fact: Fact, position: Position): Position | undefined {
  switch (fact.kind) {
    case 'issue':
    case 'block':
    case 'reserve':
      return position;
    case 'confirm':
    case 'cancel':
    case 'expire':
      return fact.reservation;
    case 'release':
    case 'void':
      return fact.allocation;
    case 'raise':
    case 'adopt':
    case 'retire':
      return undefined;
  }
}

function particulars(fact: Fact): Partial<EventData> {
  switch (fact.kind) {
    case 'issue':
      return fact.suppressed === undefined ? {} : { suppressed: fact.suppressed };
    case 'reserve':
      return { deadline: new Date(fact.deadline).toISOString() };
    case 'cancel':
    case 'expire':
      return { to: fact.to };
    case 'release':
      return { to: fact.to, reason: fact.reason };
    case 'void':
    case 'retire':
      return { to: 'void', reason: fact.reason, actor: fact.actor };
    case 'raise': {
      const { next, reason, actor, imported } = fact;
      return { next, reason, actor, ...(imported === undefined ? {} : { imported }) };
    }
    case 'adopt': {
      const { first, last, to, source, reason, actor } = fact;
      return { to, reason, actor, covers: { first, last }, list: source };
    }
    case 'block':
    case 'confirm':
      return {};
  }
}
