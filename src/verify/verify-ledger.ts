import type { Digest } from '../core/apply.ts';
import { decodeHead } from '../core/head.ts';
import type { SeriesId } from '../core/identifiers.ts';
import { decodeLedgerRecord, type LedgerRecord } from '../core/ledger-record.ts';
import { decodeJournalEntry, decodeJournalStart, journalKey, KEYS } from '../core/records.ts';
import { decodeRecoveryRecord, type RecoveryRecord, wasReplayed } from '../core/recovery-record.ts';
import type { LedgerHole } from '../ports/ledger.ts';
import type { LedgerMoment, LedgerScan } from '../ports/ledger-scan.ts';
import type { SequenceStore, StoredRecord } from '../ports/sequence-store.ts';
import { type CheckedBatch, LedgerCheck } from './ledger-check.ts';
import { Findings, type LedgerFinding } from './ledger-findings.ts';
import { LedgerReplay, type StoredState } from './ledger-replay.ts';

/** What the verification of a ledger counted and found. */
export interface LedgerReport {
  /** Nothing was found: the ledger is whole, and of one history with etcd. */
  readonly sound: boolean;
  /** Its last batch, and the hash of that: whoever keeps it elsewhere can tell any other history from this one. */
  readonly sequence: number;
  readonly chain: string;
  readonly batches: number;
  readonly facts: number;
  /** Rows of the table `facts`. */
  readonly rows: number;
  /** etcd's head at this revision; `null` when there is none. */
  readonly head: { readonly revision: number; readonly sequence: number; readonly chain: string } | null;
  /** Batches that are in etcd's journal, but not in the ledger yet; that is no finding. */
  readonly behind: number;
  /** Batches that etcd's journal has, too, compared byte for byte. */
  readonly journalCompared: number;
  /** Whether all that happened was replayed, and compared with what etcd has stored. */
  readonly replayed: boolean;
  /** What is missing and documented; that is no finding. */
  readonly holes: readonly LedgerHole[];
  /** The first {@link FINDINGS_MAX} of them. */
  readonly findings: readonly LedgerFinding[];
  readonly findingCount: number;
}

/** What a ledger is verified with. */
export interface VerifyLedgerOptions {
  readonly store: SequenceStore;
  readonly scan: LedgerScan;
  readonly digest: Digest;
  /** Told now and then how far it has got. */
  readonly progress?: (sequence: number, of: number) => void;
}

const LIMITS = { batchesMax: 1_000, bytesMax: 4 * 1024 * 1024 };
/** Journal entries held in memory at a time. */
const CHUNK = 1_000;

/**
 * Verifies that a series' ledger is whole and untouched, that etcd's journal has the same batches where it still has them, and
 * that together they make exactly the state that etcd has stored.
 *
 * Works on a live series, in memory that does not grow with the ledger. The ledger is read at one moment; etcd's
 * state right after it, so that etcd can only be ahead.
 *
 * @returns null when neither has any batch
 * @throws SeqdError `unavailable`, `ledger_unavailable`, `unsupported_format`
 */
export async function verifyLedger(
  series: SeriesId,
  options: VerifyLedgerOptions,
): Promise<LedgerReport | null> {
  const { store, scan } = options;
  // Before the ledger: what is said of it here is in it, or was.
  const { record } = await store.read(series, KEYS.ledger);
  const published = record === null ? undefined : decodeLedgerRecord(record.value);
  return scan.at(series, async moment => {
    const state = await readState(store, series);
    return new Verification(series, options, { moment, state, published }).run();
  });
}

/** What is compared with each other. */
interface Sides {
  readonly moment: LedgerMoment;
  readonly state: StoredState | null;
  readonly published: LedgerRecord | undefined;
}

class Verification {
  private readonly series: SeriesId;
  private readonly options: VerifyLedgerOptions;
  private readonly sides: Sides;
  private readonly findings = new Findings();
  private readonly check: LedgerCheck;
  private readonly replay: LedgerReplay;
  private journalFirst = 1;
  private journalCompared = 0;
  private recovery: RecoveryRecord | null = null;

  constructor(series: SeriesId, options: VerifyLedgerOptions, sides: Sides) {
    this.series = series;
    this.options = options;
    this.sides = sides;
    this.check = new LedgerCheck(this.findings, options.digest);
    this.replay = new LedgerReplay(this.findings, options.digest, sides.state);
  }

  async run(): Promise<LedgerReport | null> {
    const { check, replay, sides, findings } = this;
    const { moment, state } = sides;
    this.journalFirst = await this.readJournalStart();
    this.recovery = await this.readRecovery();
    check.expect(moment.holes);
    for (const stray of await moment.strays()) findings.add('inserted', { table: 'facts' }, stray);
    for (;;) {
      const chunk = await moment.after(check.sequence, LIMITS);
      const batches = check.feed(chunk);
      if (batches.length === 0) break;
      await this.compareJournal(batches);
      for (const { row, batch } of batches) {
        if (moment.holes.some(({ last }) => last + 1 === row.sequence)) replay.stop();
        replay.feed(batch, row.body);
      }
      this.comparePublished(batches);
      this.options.progress?.(check.sequence, moment.checkpoint?.sequence ?? check.sequence);
    }
    check.finish(moment.checkpoint);
    if (check.batches === 0 && state === null && findings.count === 0) return null;
    this.compareEnds();
    await this.replayRest();
    const replayed = state !== null && replay.isWhole && replay.sequence === state.head.sequence;
    if (replayed) replay.compare();
    const { sequence, chain, batches, facts, rows } = check;
    return {
      sound: findings.count === 0,
      sequence,
      chain,
      batches,
      facts,
      rows,
      head:
        state === null
          ? null
          : { revision: state.revision, sequence: state.head.sequence, chain: state.head.chain },
      behind: Math.max(0, (state?.head.sequence ?? 0) - sequence),
      journalCompared: this.journalCompared,
      replayed,
      holes: moment.holes,
      findings: findings.list,
      findingCount: findings.count,
    };
  }

  /** Compares batches with the journal entries that there still are. They never change, so when they are read does not matter. */
  private async compareJournal(batches: readonly CheckedBatch[]): Promise<void> {
    const first = batches[0]!.row.sequence;
    const last = batches.at(-1)!.row.sequence;
    if (this.sides.state === null || last < this.journalFirst) return;
    const entries = new Map<string, StoredRecord>();
    const { records } = await this.options.store.range({
      series: this.series,
      from: journalKey(first),
      to: journalKey(last + 1),
    });
    for (const record of records) entries.set(record.key, record);
    const expected = batches.filter(({ row }) => row.sequence <= this.sides.state!.head.sequence);
    const missing = expected.filter(
      ({ row }) => row.sequence >= this.journalFirst && !entries.has(journalKey(row.sequence)),
    );
    // It may have been pruned meanwhile.
    if (missing.length > 0) this.journalFirst = await this.readJournalStart();
    for (const { row } of missing)
      if (row.sequence >= this.journalFirst)
        this.findings.add(
          'journal',
          { table: 'journal', sequence: row.sequence },
          `journal: etcd has no entry of batch ${row.sequence}, though its journal begins with ${this.journalFirst}`,
        );
    for (const { row } of batches) {
      const entry = entries.get(journalKey(row.sequence));
      if (entry === undefined) continue;
      this.journalCompared += 1;
      this.compareEntry(row, entry);
    }
  }

  private compareEntry({ sequence, body, revision }: CheckedBatch['row'], entry: StoredRecord): void {
    if (body !== entry.value)
      this.findings.add(
        'journal',
        { table: 'batches', sequence },
        `batches: the body of batch ${sequence} is not the text in etcd's journal, whose hash is ${this.options.digest(entry.value)}`,
      );
    if (revision !== entry.revision && !wasReplayed(this.recovery, sequence))
      this.findings.add(
        'changed',
        { table: 'batches', sequence },
        `batches: batch ${sequence} has revision ${revision} instead of ${entry.revision}, as etcd says`,
      );
  }

  /** The position that the projector has published: once in the ledger, a batch stays there as it is. */
  private comparePublished(batches: readonly CheckedBatch[]): void {
    const { published } = this.sides;
    const batch = batches.find(({ row }) => row.sequence === published?.sequence);
    if (published === undefined || batch === undefined || batch.hash === published.chain) return;
    this.findings.add(
      'forked',
      { table: 'batches', sequence: published.sequence },
      `batches: batch ${published.sequence} was written with the hash ${published.chain}, as its projector has told etcd, and has ` +
        `${batch.hash} now: the ledger was rewritten here or before`,
    );
  }

  private compareEnds(): void {
    const { check, findings } = this;
    const { state, published } = this.sides;
    const { chain } = check;
    const sequence = Math.max(
      check.sequence,
      ...this.sides.moment.holes.filter(({ first }) => first === check.sequence + 1).map(({ last }) => last),
    );
    if (published !== undefined && published.sequence > sequence)
      findings.add(
        'truncated',
        { table: 'batches', sequence: sequence + 1 },
        `batches: the ledger has had batches up to ${published.sequence}, as its projector has told etcd, and ends with ${sequence} now: ` +
          'was it restored from a backup, or cut off? What the journal still has is written again',
      );
    const head = state?.head;
    if (sequence > (head?.sequence ?? 0))
      findings.add(
        'ahead',
        { table: 'head', sequence },
        `etcd ends with batch ${head?.sequence ?? 0}, the ledger with ${sequence}: etcd was restored from a backup, or the ledger belongs to ` +
          'another cluster. Nothing must be issued before "seqd recover" (docs/runbook.md)',
      );
    else if (head !== undefined && sequence === head.sequence && chain !== head.chain)
      findings.add(
        'forked',
        { table: 'head', sequence },
        `batch ${sequence} has the hash ${head.chain} in etcd, and ${chain} in the ledger: two histories. Either somebody rewrote the ledger, ` +
          'or etcd was restored from a backup and went on ("seqd recover", docs/runbook.md)',
      );
  }

  /** What etcd's journal has and the ledger has not yet. */
  private async replayRest(): Promise<void> {
    const { check, replay, findings } = this;
    const { state } = this.sides;
    const { sequence } = check;
    if (state === null || sequence >= state.head.sequence) return;
    // A ledger that ends in a documented hole: there is nothing that the journal could go on from.
    if (this.sides.moment.holes.some(({ first }) => first === sequence + 1)) return replay.stop();
    let { chain } = check;
    let next = sequence + 1;
    while (next <= state.head.sequence) {
      const { records } = await this.options.store.range({
        series: this.series,
        from: journalKey(next),
        to: journalKey(state.head.sequence + 1),
        limit: CHUNK,
      });
      for (const { value, revision } of records) {
        const { batch, text } = decodeJournalEntry(value, revision);
        // Pruned meanwhile, or a journal with a hole: then there is nothing to go on from.
        if (batch.sequence !== next) return this.endEarly(next);
        if (batch.previous !== chain) {
          const where =
            next === sequence + 1 ? `the ledger's batch ${sequence}` : `its own batch ${next - 1}`;
          findings.add(
            'forked',
            { table: 'journal', sequence: next },
            `journal: etcd's batch ${next} follows a batch with the hash ${batch.previous}, but ${where} has ${chain}: two histories`,
          );
          return;
        }
        replay.feed(batch, text);
        chain = this.options.digest(text);
        next += 1;
      }
      if (records.length === 0) return this.endEarly(next);
    }
    if (chain !== state.head.chain)
      findings.add(
        'forked',
        { table: 'head', sequence: state.head.sequence },
        `the hash of etcd's batch ${state.head.sequence} is ${chain}, but its head says ${state.head.chain}`,
      );
  }

  private async endEarly(sequence: number): Promise<void> {
    this.journalFirst = await this.readJournalStart();
    // It may have been written to the ledger, and then pruned, since the ledger was read.
    const { record } = await this.options.store.read(this.series, KEYS.ledger);
    const written = record === null ? 0 : decodeLedgerRecord(record.value).sequence;
    if ((this.sides.published?.sequence ?? 0) < sequence && written >= sequence) return;
    this.findings.add(
      'journal',
      { table: 'journal', sequence },
      `journal: batch ${sequence} is neither in the ledger nor in etcd's journal, which begins with ${this.journalFirst}`,
    );
  }

  private async readJournalStart(): Promise<number> {
    const { record } = await this.options.store.read(this.series, KEYS.journalStart);
    return record === null ? 1 : decodeJournalStart(record.value);
  }

  private async readRecovery(): Promise<RecoveryRecord | null> {
    const { record } = await this.options.store.read(this.series, KEYS.recovery);
    return record === null ? null : decodeRecoveryRecord(record.value);
  }
}

/** Everything but the journal, at one revision. */
async function readState(store: SequenceStore, series: SeriesId): Promise<StoredState | null> {
  const { record, revision } = await store.read(series, KEYS.head);
  if (record === null) return null;
  const below = (prefix: string): Promise<{ readonly records: readonly StoredRecord[] }> =>
    store.range({ series, from: prefix, to: `${prefix}\uffff`, revision });
  const { records: pages } = await below(KEYS.pool);
  const { records: reservations } = await below(KEYS.reservations);
  const tally = await store.range({ series, from: KEYS.tally, to: `${KEYS.tally}\0`, revision });
  return {
    head: decodeHead(record.value),
    revision,
    pages,
    reservations,
    tally: tally.records[0]?.value ?? null,
  };
}
