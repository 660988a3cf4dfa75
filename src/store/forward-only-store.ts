import { SeqdError } from '../core/errors.ts';
import type { SeriesId } from '../core/identifiers.ts';
import type {
  Commit,
  CommitOutcome,
  LedgerPublication,
  Prune,
  RangeQuery,
  RangeResult,
  SequenceStore,
  StoredRecord,
} from '../ports/sequence-store.ts';
import { explainFall, type RevisionMark } from './revision-mark.ts';

/** How the engine sees a store: once the store's revision has fallen, nothing that it says is believed and nothing is written to it. */
export class ForwardOnlyStore implements SequenceStore {
  private readonly inner: SequenceStore;
  private readonly revisions: RevisionMark;
  private readonly recoverable: boolean;

  /**
   * @param options.revisions of the cluster that `inner` talks to
   * @param options.recoverable whether somebody forgets the mark after a recovery; the series stops for good where nobody does
   */
  constructor(
    inner: SequenceStore,
    { revisions, recoverable }: { readonly revisions: RevisionMark; readonly recoverable: boolean },
  ) {
    this.inner = inner;
    this.revisions = revisions;
    this.recoverable = recoverable;
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    const refused = this.setBack();
    if (refused !== undefined) return { status: 'set-back', error: refused, sent: false };
    const before = this.revisions.look();
    const outcome = await this.inner.commit(commit);
    if (outcome.status === 'conflict') this.revisions.answered(before, outcome.revision);
    if (outcome.status === 'committed' && outcome.found !== true)
      this.revisions.answered(before, outcome.revision, { wrote: true });
    const error = this.setBack();
    if (error === undefined || outcome.status === 'refused') return outcome;
    // A conflict with a text that is not ours says what it always says: this one has not been carried out.
    const lost = outcome.status === 'conflict' && outcome.journal?.value !== textOf(commit);
    return lost ? outcome : { status: 'set-back', error, sent: true };
  }

  read(series: SeriesId, key: string): Promise<{ record: StoredRecord | null; revision: number }> {
    return this.guarded(
      () => this.inner.read(series, key),
      ({ revision }) => revision,
    );
  }

  range(query: RangeQuery): Promise<RangeResult> {
    return this.guarded(
      () => this.inner.range(query),
      ({ revision }) => (query.revision === undefined ? revision : undefined),
    );
  }

  prune(prune: Prune): Promise<boolean> {
    return this.guarded(() => this.inner.prune(prune));
  }

  publishLedger(publication: LedgerPublication): Promise<boolean> {
    return this.guarded(() => this.inner.publishLedger(publication));
  }

  series(): Promise<SeriesId[]> {
    return this.guarded(() => this.inner.series());
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private async guarded<T>(
    call: () => Promise<T>,
    revisionOf: (result: T) => number | undefined = () => undefined,
  ): Promise<T> {
    this.assertNotSetBack();
    const before = this.revisions.look();
    const result = await call();
    const revision = revisionOf(result);
    if (revision !== undefined) this.revisions.answered(before, revision);
    this.assertNotSetBack();
    return result;
  }

  /** @throws SeqdError `behind_ledger`, or `invariant_violated` where there is no way back */
  private assertNotSetBack(): void {
    const error = this.setBack();
    if (error !== undefined) throw error;
  }

  private setBack(): SeqdError | undefined {
    const { fallen } = this.revisions;
    if (fallen === undefined) return undefined;
    if (this.recoverable) return new SeqdError('behind_ledger', explainFall(fallen));
    return new SeqdError(
      'invariant_violated',
      `etcd has gone back from revision ${fallen.from} to ${fallen.to}, so it was restored from a backup while this node ran`,
    );
  }
}

function textOf(commit: Commit): string | undefined {
  return commit.puts.find(({ key }) => key === commit.journalKey)?.value;
}
