import { SeqdError } from '../../core/errors.ts';
import { encodeHead } from '../../core/head.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import { type Plan, plan, type PlanResult } from '../../core/plan.ts';
import type { NumberRange } from '../../core/ranges.ts';
import { journalKey, planRecords } from '../../core/records.ts';
import type { Request } from '../../core/requests.ts';
import type { SeriesState } from '../../core/state.ts';
import { COMMIT_BYTES_MAX, COMMIT_RECORDS_MAX } from '../../ports/sequence-store.ts';
import type { RecoveryDependencies } from './recovery-request.ts';
import { commitFor } from './replay.ts';

/**
 * Commits requests, as many at a time as fit; a dry run changes only the state.
 *
 * @returns the numbers that became void
 * @throws SeqdError when one is refused, or the series is changed meanwhile
 */
export async function carryOut(
  state: SeriesState,
  requests: readonly Request[],
  {
    series,
    dryRun,
    deps,
  }: { readonly series: SeriesId; readonly dryRun: boolean; readonly deps: RecoveryDependencies },
): Promise<NumberRange[]> {
  const voided: NumberRange[] = [];
  for (let from = 0; from < requests.length;) {
    const { head } = state;
    const { made, outcomes } = planRequests(state, requests.slice(from, from + COMMIT_RECORDS_MAX), deps);
    let revision = 0;
    if (!dryRun) {
      const { puts, deletes } = planRecords(made);
      revision = await commitFor(deps, {
        series,
        expectedHead: encodeHead(head),
        puts,
        deletes,
        journalKey: journalKey(made.batch.sequence),
      });
    }
    state.absorb(made.draft, revision);
    for (const fact of made.batch.facts) {
      if (fact.kind === 'retire') voided.push(...fact.ranges);
      else if (fact.kind === 'cancel' && fact.to === 'void')
        voided.push(...fact.reused, ...(fact.fresh === null ? [] : [fact.fresh]));
    }
    from += outcomes.length;
  }
  return voided;
}

/** A batch of the recovery's own. @throws SeqdError when one of the requests is refused */
export function planRequests(
  state: SeriesState,
  requests: readonly Request[],
  { now: clock, random, digest }: Pick<RecoveryDependencies, 'now' | 'random' | 'digest'>,
): { made: Plan; outcomes: PlanResult['outcomes'] } {
  const now = clock();
  const { plan: made, outcomes } = plan(state, requests, {
    now,
    node: `recover/${now.toString(36)}${Math.floor(random() * 1e6).toString(36)}`,
    serial: 1,
    digest,
    recordsMax: COMMIT_RECORDS_MAX - 8,
    bytesMax: COMMIT_BYTES_MAX,
  });
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') throw new SeqdError(outcome.rejection.code, outcome.rejection.detail);
  if (made === null) throw new SeqdError('internal');
  return { made, outcomes };
}
