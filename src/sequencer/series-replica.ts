import { applyBatch } from '../core/apply.ts';
import { type ErrorDetails, SeqdError } from '../core/errors.ts';
import { decodeHead, encodeHead } from '../core/head.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { Plan } from '../core/plan.ts';
import { KEYS } from '../core/records.ts';
import type { SeriesState } from '../core/state.ts';
import { Breather } from './breather.ts';
import { JournalIndex } from './journal-index.ts';
import { decodeRecoveryRecord } from '../core/recovery-record.ts';
import { costOf, loadState, readJournal } from './load-state.ts';
import type { SequencerDependencies } from './options.ts';

/** Journal entries read at a time while catching up. */
const CATCH_UP_CHUNK = 500;

/**
 * This node's copy of a series' committed state: loaded from the store once, then kept up by the node's own
 * commits and, after those of others, by reading the journal on from where it stands.
 */
export class SeriesReplica {
  readonly journal = new JournalIndex();
  private readonly series: SeriesId;
  private readonly deps: Pick<
    SequencerDependencies,
    'store' | 'settings' | 'window' | 'digest' | 'logger' | 'guard'
  >;
  private loaded: SeriesState | undefined;
  private lastRevision = 0;
  /** The store holds another history than this state, or less of it. */
  private contradicted = false;

  constructor(series: SeriesId, deps: SeriesReplica['deps']) {
    this.series = series;
    this.deps = deps;
  }

  /** `undefined` until the first {@link refresh}. */
  get state(): SeriesState | undefined {
    return this.loaded;
  }

  /** etcd's revision of the state's last batch; 0 before the first. */
  get revision(): number {
    return this.lastRevision;
  }

  /** The head as it reads in the store when the state is its newest; `null` before the first commit. */
  get headText(): string | null {
    return this.loaded === undefined || this.loaded.head.sequence === 0 ? null : encodeHead(this.loaded.head);
  }

  /** Takes in a commit of our own. */
  absorb({ draft, batch, text }: Plan, revision: number): void {
    this.loaded!.absorb(draft, revision);
    this.lastRevision = revision;
    this.journal.note({ batch, text });
  }

  /**
   * Makes the state the store's newest. Must not run while a commit of this node is under way.
   *
   * @throws SeqdError `unavailable`; `behind_ledger` when the store was set back below what was seen here, which a recovery ends;
   *   `invariant_violated` or `unsupported_format` when the stored data must not be touched
   */
  async refresh(): Promise<void> {
    if (this.loaded === undefined || (await this.wasRecovered(this.loaded))) await this.load();
    else await this.readOn(this.loaded);
  }

  /**
   * Whether the store has another history than was seen here, and a recovery has taken account of that: it has raised the counter above all
   * that this node knows to be issued, so what it knows may be forgotten.
   */
  private async wasRecovered({ head }: SeriesState): Promise<boolean> {
    if (!this.contradicted) return false;
    const { record } = await this.deps.store.read(this.series, KEYS.recovery);
    if (record === null) return false;
    const { state, next } = decodeRecoveryRecord(record.value);
    return state === 'done' && next >= head.next;
  }

  private async load(): Promise<void> {
    const { store, settings, logger } = this.deps;
    const { state, entries, revision } = await loadState(store, this.series, this.deps);
    const breather = new Breather();
    for (const entry of entries) {
      this.journal.note(entry);
      if (breather.isDue({ characters: entry.text.length, items: 1 })) await breather.pause();
    }
    this.loaded = state;
    this.lastRevision = revision;
    this.contradicted = false;
    const stored = state.head.settings;
    const ignored = (['start', 'maximum', 'reuse'] as const).filter(name => stored[name] !== settings[name]);
    if (ignored.length > 0) {
      logger.warn(
        { series: seriesName(this.series), stored, configured: settings, ignored },
        'settings that were fixed with the first batch differ from the configuration; the stored ones hold',
      );
    }
  }

  /** Applies what others have committed since; loads anew when the journal no longer reaches back to us. */
  private async readOn(state: SeriesState): Promise<void> {
    for (let fruitless = 0; fruitless < 2;) {
      const first = state.head.sequence + 1;
      const last = first + CATCH_UP_CHUNK - 1;
      const entries = await readJournal(this.deps.store, this.series, { first, last });
      if (entries[0] !== undefined && entries[0].batch.sequence !== first) break;
      const breather = new Breather();
      for (const entry of entries) {
        const { batch, text, revision } = entry;
        if (batch.previous !== state.head.chain) throw this.contradiction(batch.sequence, state);
        state.absorb(applyBatch(state, batch, text, this.deps.digest), revision);
        this.lastRevision = revision;
        this.journal.note(entry);
        if (breather.isDue(costOf(entry))) await breather.pause();
      }
      if (entries.length < CATCH_UP_CHUNK && (await this.isAtHead(state))) {
        this.contradicted = false;
        return;
      }
      // Others may have committed between the two reads; if nothing is there twice, it has been pruned.
      fruitless = entries.length === 0 ? fruitless + 1 : 0;
    }
    await this.load();
  }

  /** Whether the state is the store's newest. It must then read exactly as the stored head: a difference means corruption. */
  private async isAtHead(state: SeriesState): Promise<boolean> {
    const { record } = await this.deps.store.read(this.series, KEYS.head);
    const text = this.headText;
    const stored = record?.value ?? null;
    if (stored === text) return true;
    const sequence = stored === null ? 0 : decodeHead(stored).sequence;
    if (sequence > state.head.sequence) return false;
    throw this.contradiction(sequence, state, { stored, seen: text });
  }

  /** With a guard, and so a way back, the series waits for a recovery; else it stops for good. */
  private contradiction(sequence: number, { head }: SeriesState, details: ErrorDetails = {}): SeqdError {
    this.contradicted = true;
    const found = `The store's batch ${sequence} contradicts what this node saw committed (batch ${head.sequence}, next number ${head.next})`;
    if (this.deps.guard === undefined) {
      const asked = `${found}. Was etcd restored from a backup, or written to by hand?`;
      return new SeqdError('invariant_violated', asked, { details });
    }
    return new SeqdError(
      'behind_ledger',
      `${found}, so etcd was restored from a backup. No number is issued or released until "seqd recover --yes" has brought the lost batches ` +
        `back and raised the counter; if it was run without reaching this node, run it again with --above ${head.next - 1}`,
      { details },
    );
  }
}
