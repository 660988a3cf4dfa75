/** What was known of a store's revision before a call was sent to it. */
export interface RevisionLook {
  readonly highest: number;
  readonly era: number;
}

/** A store's revision that fell. */
export interface RevisionFall {
  /** The highest that was seen. */
  readonly from: number;
  /** What the store answered with later. */
  readonly to: number;
}

/**
 * The highest revision that one process has seen of a store. A store that answers a linearizable call with a lower one was restored
 * from a backup: that is remembered until {@link forget}, for it may climb above the mark again at any moment (DESIGN G8, ADR 015).
 */
export class RevisionMark {
  /** Told at once of a fall. */
  onFall: () => void = () => {};
  private seen = 0;
  private era = 0;
  private fall: RevisionFall | undefined;

  /** That the store has gone back; `undefined` while it has not. */
  get fallen(): RevisionFall | undefined {
    return this.fall;
  }

  /** To be taken *before* a call is sent whose answer is to be judged. */
  look(): RevisionLook {
    return { highest: this.seen, era: this.era };
  }

  /** The store has had this revision, whatever kind of answer said so. */
  note(revision: number): void {
    this.seen = Math.max(this.seen, revision);
  }

  /**
   * A linearizable call was answered: no such answer is older than what was seen before the call was sent.
   *
   * @param wrote the call has written at that revision, which must then be above all that was seen
   */
  answered(before: RevisionLook, revision: number, { wrote = false }: { wrote?: boolean } = {}): void {
    // What was sent before a recovery is measured with nothing any more.
    if (before.era !== this.era) return;
    const fell = revision < before.highest || (wrote && revision === before.highest);
    this.note(revision);
    if (!fell || this.fall !== undefined) return;
    this.fall = { from: before.highest, to: revision };
    this.onFall();
  }

  /** A recovery has taken account of all that was issued; the store has this revision now. */
  forget(revision: number): void {
    this.era += 1;
    this.fall = undefined;
    this.seen = revision;
  }
}

/** What a fall means, for people. */
export function explainFall({ from, to }: RevisionFall): string {
  return (
    `etcd has gone back from revision ${from} to ${to}, so it was restored from a backup while this node ran. No number ` +
    'is issued or released until "seqd recover --yes" has raised the counter above what may have been issued since'
  );
}
