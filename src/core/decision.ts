import type { Fact, ReleaseTarget } from './facts.ts';
import type { Outcome, Rejection } from './requests.ts';
import type { SeriesView } from './view.ts';

/** A request was accepted, and this is the fact that carries it out; or its outcome is already clear. */
export type Decision = { readonly status: 'accepted'; readonly fact: Fact } | Outcome;

/** The decision to carry a request out by this fact. */
export function accepted(fact: Fact): Decision {
  return { status: 'accepted', fact };
}

/** The decision to refuse a request, for good unless what it rests on changes. */
export function rejected(code: Rejection['code'], detail: string, details?: Rejection['details']): Outcome {
  return {
    status: 'rejected',
    rejection: details === undefined ? { code, detail } : { code, detail, details },
  };
}

/**
 * The refusal of somebody who is not the owner.
 *
 * @param what the number or reservation, as a sentence begins
 * @param claimed who was said to be the owner
 */
export function notOwner(
  what: string,
  { site, partition, type }: { site: string; partition: string; type?: string },
): Outcome {
  const claimed = type === undefined ? `${site}/${partition}` : `${site}/${partition} (${type})`;
  const details = type === undefined ? { site, partition } : { site, partition, type };
  return rejected('not_owner', `${what} does not belong to ${claimed}`, details);
}

/** Where numbers go that are given back to this series. */
export function releaseTarget(view: SeriesView): ReleaseTarget {
  return view.head.settings.reuse === 'never' ? 'void' : 'pool';
}
