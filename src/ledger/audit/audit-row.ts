import { formatAllocationId } from '../../core/identifiers.ts';
import type { LedgerFact } from '../../ports/ledger-reader.ts';
import { eventName, eventOf } from '../life/life-events.ts';

/** Columns of the audit trail, in the order of its CSV. */
export const AUDIT_COLUMNS = [
  'position',
  'event',
  'kind',
  'first',
  'last',
  'count',
  'facts',
  'at',
  'siteId',
  'partitionId',
  'invoiceType',
  'clientId',
  'reference',
  'traceId',
  'idempotencyKey',
  'allocationId',
  'releasedTo',
  'deadline',
  'reason',
  'actor',
  'node',
  'revision',
] as const;

/** A row of the audit trail as it is told to programs; what does not apply is null. */
export type AuditRow = Readonly<Record<(typeof AUDIT_COLUMNS)[number], string | number | null>>;

/**
 * A row in the words of the REST interface. A run (`facts` above 1) is about the numbers `first` to `last`, one each, whose
 * allocations follow that of the first: `4711-3`, `4711-4`, …
 */
export function auditRow(fact: LedgerFact): AuditRow {
  const { position, allocation } = eventOf(fact, fact.first);
  const { owner, deadline } = fact;
  return {
    position: formatAllocationId(position),
    event: eventName(fact),
    kind: fact.kind,
    first: fact.first,
    last: fact.last,
    count: fact.last - fact.first + 1,
    facts: fact.facts,
    at: new Date(fact.time).toISOString(),
    siteId: owner?.site ?? null,
    partitionId: owner?.partition ?? null,
    invoiceType: owner?.type ?? null,
    clientId: fact.client,
    reference: fact.reference,
    traceId: fact.trace,
    idempotencyKey: fact.key,
    allocationId: allocation === null ? null : formatAllocationId(allocation),
    releasedTo: fact.target,
    deadline: deadline === null ? null : new Date(deadline).toISOString(),
    reason: fact.reason,
    actor: fact.actor,
    node: fact.node,
    revision: fact.revision,
  };
}
