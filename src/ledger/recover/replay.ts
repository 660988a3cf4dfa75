import { applyBatch, type Digest } from '../../core/apply.ts';
import { decodeBatch } from '../../core/batch-codec.ts';
import type { Draft } from '../../core/draft.ts';
import { SeqdError } from '../../core/errors.ts';
import { encodeHead } from '../../core/head.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import { journalKey, planRecords } from '../../core/records.ts';
import type { SeriesState } from '../../core/state.ts';
import type { LedgerBatch } from '../../ports/ledger.ts';
import {
  COMMIT_BYTES_MAX,
  COMMIT_RECORDS_MAX,
  type Commit,
  type SequenceStore,
} from '../../ports/sequence-store.ts';
import { resolveCommit } from '../../sequencer/resolve-commit.ts';

/** Batches put into one commit at most: one record each, and the pages they share. */
const BATCHES_MAX = 60;
/** Besides journal entries: head, tally, and what the last batch of a commit may add. */
const RECORDS_ENOUGH = COMMIT_RECORDS_MAX - 20;

/** How commits are carried out. */
export interface CommitOptions {
  readonly store: SequenceStore;
  readonly series: SeriesId;
  readonly digest: Digest;
  readonly random: () => number;
}

/**
 * Adds batches to a series in the store: the same texts, and what each of them makes of the state, many batches in one commit. Each commit
 * applies only to the head that the state knows, so that one which is interrupted, or sent twice, does no harm.
 *
 * @param batches consecutive, the first follows the state
 * @throws SeqdError `unavailable`; `behind_ledger` when somebody else commits; `invariant_violated` when a batch does not fit the state
 */
export async function replayBatches(
  state: SeriesState,
  batches: readonly LedgerBatch[],
  options: CommitOptions,
): Promise<void> {
  for (let from = 0; from < batches.length;) {
    const group = takeGroup(state, batches.slice(from, from + BATCHES_MAX), options);
    await commitGroup(state, group, options);
    from += group.drafts.length;
  }
}

interface Group {
  readonly drafts: readonly Draft[];
  readonly puts: ReadonlyMap<string, string>;
  readonly deletes: ReadonlySet<string>;
  readonly last: string;
}

/** As many of the batches as fit into one commit; at least one. */
function takeGroup(state: SeriesState, batches: readonly LedgerBatch[], { digest }: CommitOptions): Group {
  const drafts: Draft[] = [];
  let puts = new Map<string, string>();
  let deletes = new Set<string>();
  let last = '';
  for (const { text } of batches) {
    const batch = decodeBatch(text);
    const draft = applyBatch(drafts.at(-1) ?? state, batch, text, digest);
    const changes = planRecords({ draft, batch, text });
    const nextPuts = new Map(puts);
    const nextDeletes = new Set(deletes);
    for (const { key, value } of changes.puts) {
      nextPuts.set(key, value);
      nextDeletes.delete(key);
    }
    for (const key of changes.deletes) {
      nextPuts.delete(key);
      nextDeletes.add(key);
    }
    if (
      drafts.length > 0 &&
      (nextPuts.size + nextDeletes.size > RECORDS_ENOUGH || bytesOf(nextPuts) > COMMIT_BYTES_MAX)
    )
      break;
    drafts.push(draft);
    puts = nextPuts;
    deletes = nextDeletes;
    last = journalKey(batch.sequence);
  }
  return { drafts, puts, deletes, last };
}

function bytesOf(puts: ReadonlyMap<string, string>): number {
  let bytes = 0;
  for (const [key, value] of puts) bytes += key.length + Buffer.byteLength(value);
  return bytes;
}

async function commitGroup(state: SeriesState, group: Group, options: CommitOptions): Promise<void> {
  const { head } = state;
  const revision = await commitFor(options, {
    series: options.series,
    expectedHead: head.sequence === 0 ? null : encodeHead(head),
    puts: [...group.puts].map(([key, value]) => ({ key, value })),
    deletes: [...group.deletes],
    journalKey: group.last,
  });
  for (const draft of group.drafts) {
    draft.rebase(state);
    state.absorb(draft, revision);
  }
}

/**
 * Carries a commit out, however long its outcome stays unknown.
 *
 * @returns its revision
 * @throws SeqdError `behind_ledger` when the head is another one by now
 */
export async function commitFor(
  { store, random }: Pick<CommitOptions, 'store' | 'random'>,
  commit: Commit,
): Promise<number> {
  const outcome = await resolveCommit(store, commit, {
    sequence: Number(commit.journalKey.replace(/^\D+/, '')),
    signal: AbortSignal.timeout(60_000),
    uncertain: false,
    onUnknown: () => {},
    random,
  });
  switch (outcome.status) {
    case 'committed':
      return outcome.revision;
    case 'conflict':
      throw new SeqdError(
        'behind_ledger',
        'Somebody else has changed the series meanwhile: stop all nodes and run the recovery again; it goes on where it was',
      );
    case 'refused':
      throw new SeqdError(outcome.code, undefined, { cause: outcome.cause });
    case 'unknowable':
    case 'abandoned':
      throw new SeqdError(
        'unavailable',
        'etcd did not confirm a commit; run the recovery again, it goes on where it was',
      );
  }
}
