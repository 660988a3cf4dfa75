import type { JournalRecord, ReleaseTarget } from './facts.ts';
import { formatAllocationId, type Owner } from './identifiers.ts';
import type { NumberRange } from './ranges.ts';
import { drawCount } from './tally.ts';

/** A range of an allocation; `reused` when it came from the gap pool. */
export interface AllocatedRange extends NumberRange {
  readonly reused: boolean;
}

/** What a client is told about numbers it drew. The same for a first answer and for every replay of it. */
export interface AllocationReply {
  readonly allocationId: string;
  /** In the order drawn: pool ranges ascending, then the fresh range. */
  readonly numbers: readonly AllocatedRange[];
  readonly count: number;
  readonly owner: Owner;
  /** Unix milliseconds. */
  readonly issuedAt: number;
  /** etcd revision of the commit. */
  readonly revision: number;
  /** Set when the numbers were released again in the same step. */
  readonly suppressed?: { readonly reason: string; readonly to: ReleaseTarget };
  /** Unix milliseconds; set while the numbers are only reserved. */
  readonly deadline?: number;
}

/** What a client is told about a number it gave back. */
export interface ReturnReply {
  readonly number: number;
  readonly to: ReleaseTarget;
  /** The allocation the number belonged to. */
  readonly allocationId: string;
  readonly owner: Owner;
  readonly reason: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly revision: number;
}

/** The reply to a request that drew numbers. @throws TypeError for a fact that draws none */
export function allocationReply(record: JournalRecord): AllocationReply {
  const { fact, position, time, revision } = record;
  if (!('fresh' in fact)) {
    throw new TypeError(`a ${fact.kind} draws no numbers`);
  }
  const numbers: AllocatedRange[] = fact.reused.map(({ first, last }) => ({ first, last, reused: true }));
  if (fact.fresh !== null) numbers.push({ first: fact.fresh.first, last: fact.fresh.last, reused: false });
  const id =
    fact.kind === 'issue' || fact.kind === 'block' || fact.kind === 'reserve' ? position : fact.reservation;
  const reply = {
    allocationId: formatAllocationId(id),
    numbers,
    count: drawCount(fact),
    owner: fact.owner,
    issuedAt: time,
    revision,
  };
  if (fact.kind === 'issue' && fact.suppressed !== undefined)
    return { ...reply, suppressed: fact.suppressed };
  if (fact.kind === 'reserve') return { ...reply, deadline: fact.deadline };
  return reply;
}

/** The reply to a release or void. @throws TypeError for any other fact */
export function returnReply(record: JournalRecord): ReturnReply {
  const { fact, time, revision } = record;
  if (fact.kind !== 'release' && fact.kind !== 'void')
    throw new TypeError(`a ${fact.kind} returns no number`);
  return {
    number: fact.number,
    to: fact.kind === 'void' ? 'void' : fact.to,
    allocationId: formatAllocationId(fact.allocation),
    owner: fact.owner,
    reason: fact.reason,
    at: time,
    revision,
  };
}
