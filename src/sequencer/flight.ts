import { encodeHead } from '../core/head.ts';
import type { Plan } from '../core/plan.ts';
import type { Outcome } from '../core/requests.ts';
import type { Commit } from '../ports/sequence-store.ts';
import type { CommitSlot } from './commit-slots.ts';
import type { Pending } from './pending.ts';
import type { ResolvedOutcome } from './resolve-commit.ts';

/** Requests on their way through one commit, or waiting for the commits before them. */
export interface Flight {
  readonly pendings: readonly Pending[];
  readonly outcomes: readonly Outcome[];
  /** `null` when the requests change nothing. */
  readonly plan: Plan | null;
  /** Carries the plan; `null` like it. */
  readonly commit: Commit | null;
  readonly sentAtMs: number;
  /** The node's permission for the commit; given back as soon as the flight has none under way. */
  readonly slot: CommitSlot;
  /** The heads that the commits in front of it expect: meeting one of them means that it came too early. */
  readonly earlierHeads: readonly (string | null)[];
  /** The head that it was planned on. */
  readonly expectedHead: string | null;
  /** Ends the attempts of a flight that was dropped. */
  readonly abort: AbortController;
  /** Set once the outcome is certain. */
  outcome: ResolvedOutcome | undefined;
}

/** Whether a stored head is what the flight's commit makes of it. */
export function isResultOf({ plan }: Flight, headText: string | null): boolean {
  return plan !== null && headText !== null && encodeHead(plan.draft.head) === headText;
}
