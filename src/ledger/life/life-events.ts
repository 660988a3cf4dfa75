import { formatAllocationId, type Owner, type Position } from '../../core/identifiers.ts';
import type { NumberRange } from '../../core/ranges.ts';
import type { LedgerFact } from '../../ports/ledger-reader.ts';
import type { FactRow } from '../../ports/ledger-rows.ts';

/** What can happen to a number; `gap`: the numbering that was imported had never used it. */
export type EventName =
  | 'issued'
  | 'reissued'
  | 'reserved'
  | 'confirmed'
  | 'cancelled'
  | 'expired'
  | 'released'
  | 'void'
  | 'skipped'
  | 'imported'
  | 'gap';

/** One thing that happened to numbers, as it is told to people and programs. */
export interface LifeEvent {
  readonly event: EventName;
  /** The fact's own place in the journal. */
  readonly position: Position;
  /** The allocation or reservation that it is about; `null` for what concerns no document. */
  readonly allocation: Position | null;
  /** All numbers that this fact, or this part of it, is about. */
  readonly numbers: NumberRange;
  /** Unix milliseconds. */
  readonly time: number;
  readonly owner: Owner | null;
  readonly node: string;
  readonly revision: number;
  /** Where the numbers went: by a release, the end of a reservation, or in the step that issued them. */
  readonly releasedTo: 'pool' | 'void' | null;
  /** Of a reservation, Unix milliseconds. */
  readonly deadline: number | null;
  readonly client: string | null;
  readonly reference: string | null;
  readonly trace: string | null;
  readonly key: string | null;
  readonly reason: string | null;
  readonly actor: string | null;
}

/**
 * The event that a row tells of one of its numbers.
 *
 * @param number in the row; of a run it decides which fact of it is meant
 */
export function eventOf(row: LedgerFact, number: number): LifeEvent {
  const position = positionIn(row, number);
  const { time, owner, node, revision, target, deadline, client, reference, trace, key, reason, actor } = row;
  return {
    event: eventName(row),
    position,
    allocation: UNOWNED.has(row.kind) ? null : (row.allocation ?? position),
    numbers: row.facts > 1 ? { first: number, last: number } : { first: row.first, last: row.last },
    time,
    owner,
    node,
    revision,
    releasedTo: target,
    deadline,
    client,
    reference,
    trace,
    key,
    reason,
    actor,
  };
}

/** The place of the fact about one number of a row. */
export function positionIn({ sequence, index, facts, first }: FactRow, number: number): Position {
  return { sequence, index: facts > 1 ? index + number - first : index };
}

/** What a row's facts are called. */
export function eventName({ kind, fresh }: FactRow): EventName {
  switch (kind) {
    case 'issue':
    case 'block':
      return fresh ? 'issued' : 'reissued';
    case 'reserve':
      return 'reserved';
    case 'confirm':
      return 'confirmed';
    case 'cancel':
      return 'cancelled';
    case 'expire':
      return 'expired';
    case 'release':
      return 'released';
    case 'void':
    case 'retire':
      return 'void';
    case 'raise':
      return 'skipped';
    case 'import':
      return 'imported';
    case 'adopt':
      return 'gap';
  }
}

/** Kinds that no document has an allocation by. */
const UNOWNED: ReadonlySet<FactRow['kind']> = new Set(['raise', 'import', 'adopt', 'retire']);

/** What a number can be. */
export type NumberStatus = 'issued' | 'reserved' | 'pooled' | 'void' | 'imported';

/** What a number is, as far as one event tells. */
export function statusAfter({ event, releasedTo }: LifeEvent): NumberStatus {
  if (releasedTo !== null) return releasedTo === 'pool' ? 'pooled' : 'void';
  switch (event) {
    case 'issued':
    case 'reissued':
    case 'confirmed':
      return 'issued';
    case 'reserved':
      return 'reserved';
    case 'released':
    case 'cancelled':
    case 'expired':
    case 'gap':
      return 'pooled';
    case 'imported':
      return 'imported';
    case 'void':
    case 'skipped':
      return 'void';
  }
}

/** An event in the words of the REST interface. */
export function describeEvent(event: LifeEvent): Record<string, unknown> {
  const { numbers, owner, allocation } = event;
  return withoutNulls({
    event: event.event,
    at: new Date(event.time).toISOString(),
    position: formatAllocationId(event.position),
    allocationId: allocation === null ? null : formatAllocationId(allocation),
    numbers: numbers.first === numbers.last ? null : numbers,
    siteId: owner?.site ?? null,
    partitionId: owner?.partition ?? null,
    invoiceType: owner?.type ?? null,
    clientId: event.client,
    reference: event.reference,
    traceId: event.trace,
    idempotencyKey: event.key,
    releasedTo: event.releasedTo,
    deadline: event.deadline === null ? null : new Date(event.deadline).toISOString(),
    reason: event.reason,
    actor: event.actor,
    node: event.node,
    revision: event.revision,
  });
}

/** What is not there is left out. */
export function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
