import type { ErrorCode, SeqdError } from '../core/errors.ts';
import { decodeHead } from '../core/head.ts';
import type { Commit, CommitOutcome, SequenceStore } from '../ports/sequence-store.ts';

/** The certain outcome of a commit. */
export type ResolvedOutcome =
  | { readonly status: 'committed'; readonly revision: number }
  | { readonly status: 'conflict'; readonly head: string | null; readonly deposed: boolean }
  | { readonly status: 'refused'; readonly code: ErrorCode; readonly cause: unknown }
  /** It may have applied, and what would tell is no longer stored. */
  | { readonly status: 'unknowable'; readonly reason: string; readonly setBack?: SeqdError }
  /** We stopped asking, because the flight was dropped or the node is closing. */
  | { readonly status: 'abandoned' };

/** Hooks and limits of a resolution. */
export interface ResolveOptions {
  /** Of the commit's batch. */
  readonly sequence: number;
  /** Ends the attempts; the outcome is then `abandoned`. */
  readonly signal: AbortSignal;
  /** An earlier attempt may still be on its way, so a refusal of this one decides nothing. */
  readonly uncertain: boolean;
  /** Called for every attempt whose outcome is unknown. */
  readonly onUnknown: (cause: unknown) => void;
  /** A random number in [0, 1), for jitter. */
  readonly random: () => number;
}

const BACKOFF_FIRST_MS = 5;
const BACKOFF_MAX_MS = 250;

/**
 * Commits, and finds out for certain what became of it.
 *
 * An unknown outcome is resolved by sending the *identical* transaction again. Success means that it applies
 * now. A failed compare with our own text in the journal means that it had applied. A failed compare with
 * anything else there means that it did not and never will, because the head it expects is gone for good.
 * Reading alone would prove nothing, since the first proposal may still be on its way (F2). Nothing at all
 * there, though the head has come as far, means that the entry has been pruned: then it is not to be known.
 */
export async function resolveCommit(
  store: SequenceStore,
  commit: Commit,
  options: ResolveOptions,
): Promise<ResolvedOutcome> {
  const ours = commit.puts.find(put => put.key === commit.journalKey)!.value;
  let uncertain = options.uncertain;
  let backoffMs = BACKOFF_FIRST_MS;
  while (!options.signal.aborted) {
    const outcome = await store.commit(commit);
    const resolved = settle(outcome, { ours, sequence: options.sequence, uncertain });
    if (resolved !== undefined) return resolved;
    uncertain = true;
    if ('cause' in outcome) options.onUnknown(outcome.cause);
    await pause(backoffMs * (0.5 + options.random()), options.signal);
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
  }
  return { status: 'abandoned' };
}

function settle(
  outcome: CommitOutcome,
  { ours, sequence, uncertain }: { ours: string; sequence: number; uncertain: boolean },
): ResolvedOutcome | undefined {
  switch (outcome.status) {
    case 'committed':
      return outcome;
    case 'conflict': {
      const { head, journal, deposed } = outcome;
      if (journal?.value === ours) return { status: 'committed', revision: journal.revision };
      if (uncertain && journal === null && head !== null && hasComeTo(sequence, head)) {
        return {
          status: 'unknowable',
          reason: `Nothing was heard of the commit until journal entry ${sequence}, which would tell, had been pruned`,
        };
      }
      return { status: 'conflict', head, deposed };
    }
    case 'refused':
      // A refusal speaks for this attempt only; an earlier one may still be on its way.
      return uncertain && !outcome.final ? undefined : outcome;
    case 'unknown':
      return undefined;
    case 'set-back': {
      const { error, sent } = outcome;
      // Carried out or not, a number drawn from a store that was set back may have been issued before: nobody is told of it.
      if (sent || uncertain) return { status: 'unknowable', reason: error.message, setBack: error };
      return { status: 'refused', code: error.code, cause: error };
    }
  }
}

/** Whether the series has at least as many batches. A head that is not to be read stops it soon; until then it may have. */
function hasComeTo(sequence: number, headText: string): boolean {
  try {
    return decodeHead(headText).sequence >= sequence;
  } catch {
    return true;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
