import { applyBatch, type Digest } from '../core/apply.ts';
import type { Batch } from '../core/facts.ts';
import { encodeHead, type Head, type SeriesSettings } from '../core/head.ts';
import { encodePage } from '../core/page.ts';
import { decodeTallies, encodeReservation, encodeTallies, KEYS, pageKey } from '../core/records.ts';
import { SeriesState } from '../core/state.ts';
import type { WindowLimits } from '../core/window.ts';
import type { StoredRecord } from '../ports/sequence-store.ts';
import type { Findings } from './ledger-findings.ts';

/** A replay answers no retries. */
const NO_WINDOW: WindowLimits = { keyAgeMsMax: 0, keysMax: 0, ingressAgeMsMax: 0, ingressMax: 0 };

/** What etcd has stored of a series besides its journal, read at one revision. */
export interface StoredState {
  readonly head: Head;
  readonly revision: number;
  /** As stored, ascending by key. */
  readonly pages: readonly StoredRecord[];
  readonly reservations: readonly StoredRecord[];
  /** Of an earlier batch, or of the last. */
  readonly tally: string | null;
}

/**
 * Makes the state that a history leads to, with the same transitions that the engine uses, to compare it with what is
 * stored. Its memory goes with what is unusual in the series (pages, reservations), not with its length.
 */
export class LedgerReplay {
  private readonly findings: Findings;
  private readonly digest: Digest;
  private readonly stored: StoredState | null;
  private state: SeriesState | undefined;
  private tallies: string | undefined;
  private tallySequence: number | undefined;
  private broken = false;

  constructor(findings: Findings, digest: Digest, stored: StoredState | null) {
    this.findings = findings;
    this.digest = digest;
    this.stored = stored;
    const tally = stored?.tally ?? null;
    if (tally !== null) this.tallySequence = decodeTallies(tally).sequence;
  }

  /** Sequence of the last batch replayed. */
  get sequence(): number {
    return this.state?.head.sequence ?? 0;
  }

  /** Whether all batches so far could be replayed. */
  get isWhole(): boolean {
    return !this.broken;
  }

  /** Batches are missing, and it is known: what follows is not replayed, and that is no finding. */
  stop(): void {
    this.broken = true;
  }

  /** Replays the next batch. @param batch `undefined` when nobody knows what it says */
  feed(batch: Batch | undefined, text: string): void {
    if (this.broken) return;
    if (batch === undefined) {
      this.broken = true;
      return;
    }
    try {
      this.state ??= SeriesState.empty(this.settings(batch), NO_WINDOW);
      const draft = applyBatch(this.state, batch, text, this.digest);
      this.state.absorb(draft, 0);
    } catch (error) {
      this.broken = true;
      this.findings.add(
        'state',
        { table: 'batches', sequence: batch.sequence },
        `batch ${batch.sequence} does not fit the state that the batches before it make: ${(error as Error).message}`,
      );
      return;
    }
    if (batch.sequence === this.tallySequence) this.tallies = encodeTallies(batch.sequence, this.state);
  }

  /** Compares the result with what is stored; only when all batches up to the head's were replayed. */
  compare(): void {
    const { stored, state } = this;
    if (stored === null || state === undefined || this.broken) return;
    const expected = JSON.parse(encodeHead(state.head)) as Record<string, unknown>;
    const found = JSON.parse(encodeHead(stored.head)) as Record<string, unknown>;
    for (const field of new Set([...Object.keys(expected), ...Object.keys(found)])) {
      // Whether the histories are the same has been said already.
      if (field === 'chain') continue;
      const [is, replayed] = [JSON.stringify(found[field]), JSON.stringify(expected[field])];
      if (is !== replayed)
        this.differ('head', `${field} is ${shown(is)}, the batches make it ${shown(replayed)}`);
    }
    const pages = new Map([...state.allPages()].map(([id, page]) => [pageKey(id), encodePage(id, page)]));
    this.compareRecords('page', pages, stored.pages);
    const reservations = new Map(
      [...state.reservations()].map(one => {
        const text = encodeReservation(one);
        return [KEYS.reservations + (JSON.parse(text) as { id: string }).id, text];
      }),
    );
    this.compareRecords('reservation', reservations, stored.reservations);
    if (this.tallies !== undefined && !sameTallies(this.tallies, stored.tally!))
      this.differ('tally', `its sums are not those that batches 1 to ${this.tallySequence} make`);
  }

  /** An empty series may have been raised before its first batch drew anything: then that batch says so. */
  private settings(first: Batch): SeriesSettings {
    const { maximum, reuse } = this.stored?.head.settings ?? {
      maximum: Number.MAX_SAFE_INTEGER,
      reuse: 'lowest-first',
    };
    return { start: first.next, maximum, reuse };
  }

  private compareRecords(
    what: string,
    expected: ReadonlyMap<string, string>,
    stored: readonly StoredRecord[],
  ): void {
    const left = new Set(expected.keys());
    for (const { key, value } of stored) {
      left.delete(key);
      const text = expected.get(key);
      if (text === undefined) this.differ(what, `${key} is stored, but no batch makes it`);
      else if (canonical(text) !== canonical(value))
        this.differ(what, `${key} is ${shown(value)}, the batches make it ${shown(text)}`);
    }
    for (const key of left)
      this.differ(what, `${key} is not stored, the batches make it ${shown(expected.get(key))}`);
  }

  private differ(what: string, how: string): void {
    this.findings.add(
      'state',
      { table: 'head', sequence: this.stored!.head.sequence },
      `etcd's state is not the one that the batches make: ${what}: ${how}`,
    );
  }
}

/** Whichever order a record's fields were written in. */
function canonical(text: string): string {
  return JSON.stringify(JSON.parse(text), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

function sameTallies(a: string, b: string): boolean {
  const [one, other] = [decodeTallies(a).tallies, decodeTallies(b).tallies];
  if (one.size !== other.size) return false;
  return [...one].every(([owner, tally]) => JSON.stringify(tally) === JSON.stringify(other.get(owner)));
}

function shown(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
