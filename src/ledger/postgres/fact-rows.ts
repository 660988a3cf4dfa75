import type { ReleaseTarget } from '../../core/facts.ts';
import type { LedgerFact } from '../../ports/ledger-reader.ts';
import type { FactRow } from '../../ports/ledger-rows.ts';

/** The columns of `facts` that answers are made of; never `series_id`. */
export const FACT_COLUMNS = `sequence, index, part, time, kind, facts, first, last, fresh, owner_id, target, allocation_sequence,
  allocation_index, deadline, client, trace, reference, key, reason, actor`;

/** What {@link toLedgerFact} reads, for a relation `f` of facts joined by {@link WITH_BATCH_AND_OWNER}. */
export const SELECTED = `f.sequence, f.index, f.part, f.time, f.kind, f.facts, f.first, f.last, f.fresh, f.target,
  f.allocation_sequence, f.allocation_index, f.deadline, f.client, f.trace, f.reference, f.key, f.reason, f.actor,
  o.site, o.partition, o.type, b.revision, b.node`;

/**
 * Each fact's batch and owner. A row at a time: `LIMIT` keeps the planner from reading all batches to join them. `$1` is the
 * series' id.
 */
export const WITH_BATCH_AND_OWNER = `LEFT JOIN LATERAL (SELECT revision, node FROM batches
    WHERE series_id = $1 AND sequence = f.sequence AND time = f.time LIMIT 1) b ON true
  LEFT JOIN owners o ON o.id = f.owner_id`;

/** A row as it comes from PostgreSQL. */
export interface StoredFact {
  readonly sequence: number;
  readonly index: number;
  readonly part: number;
  readonly time: Date;
  readonly kind: FactRow['kind'];
  readonly facts: number;
  readonly first: number;
  readonly last: number;
  readonly fresh: boolean;
  readonly target: ReleaseTarget | null;
  readonly allocation_sequence: number | null;
  readonly allocation_index: number | null;
  readonly deadline: Date | null;
  readonly client: string | null;
  readonly trace: string | null;
  readonly reference: string | null;
  readonly key: string | null;
  readonly reason: string | null;
  readonly actor: string | null;
  readonly site: string | null;
  readonly partition: string | null;
  readonly type: string | null;
  readonly revision: number | null;
  readonly node: string | null;
}

/** A row as the port gives it. One whose batch somebody has deleted has revision 0 and no node. */
export function toLedgerFact(row: StoredFact): LedgerFact {
  const { sequence, index, part, kind, facts, first, last, fresh, target } = row;
  const { client, trace, reference, key, reason, actor, site, partition, type } = row;
  return {
    sequence,
    index,
    part,
    time: row.time.getTime(),
    kind,
    facts,
    first,
    last,
    fresh,
    owner: site === null ? null : { site, partition: partition!, type: type! },
    target,
    allocation:
      row.allocation_sequence === null
        ? null
        : { sequence: row.allocation_sequence, index: row.allocation_index! },
    deadline: row.deadline === null ? null : row.deadline.getTime(),
    client,
    trace,
    reference,
    key,
    reason,
    actor,
    revision: row.revision ?? 0,
    node: row.node ?? '',
  };
}
