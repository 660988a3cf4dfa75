import { applyBatch } from '../../core/apply.ts';
import { decodeBatch } from '../../core/batch-codec.ts';
import { SeqdError } from '../../core/errors.ts';
import { encodeHead, type SeriesSettings } from '../../core/head.ts';
import { type SeriesId, seriesName } from '../../core/identifiers.ts';
import { addRange, mergeRanges } from '../../core/ranges.ts';
import { journalKey, KEYS, planRecords } from '../../core/records.ts';
import { encodeRecoveryRecord, type RecoveryRecord } from '../../core/recovery-record.ts';
import type { SeriesState } from '../../core/state.ts';
import { DEFAULT_WINDOW } from '../../core/window.ts';
import { EPOCH_CLOSED } from '../../ports/ledger.ts';
import { loadState } from '../../sequencer/load-state.ts';
import { readJournalChunk } from '../journal-chunk.ts';
import { compareWithLedger, foundSequence, type SeriesStanding } from '../series-standing.ts';
import { carryOut, planRequests } from './carry-out.ts';
import { findFork } from './find-fork.ts';
import { judgeMargin } from './judge-margin.ts';
import type { Fork, Margin } from './recovery-plan.ts';
import { type RecoveryReport, recoveryReport } from './recovery-report.ts';
import type { RecoveryDependencies, RecoveryRequest } from './recovery-request.ts';
import { commitFor, replayBatches } from './replay.ts';
import { endReservations, retirePooled, type Suspects } from './retire-requests.ts';
import { lacksBatches, skipHole } from './skip-hole.ts';

/** Batches brought back at a time. */
const CHUNK = 1_000;

/**
 * Brings a series back that a restore from a backup has set back (DESIGN G8, F23; ADR 015): replays into the store what the ledger
 * has and the store has not, makes void what may have been drawn from the pool since, then raises the counter above everything that was ever handed out, as far as anybody knows, and
 * a margin more. Interrupted, it is simply run again; nothing is ever lowered.
 *
 * While it runs, the store says so: no node serves the series before the counter is raised, and no projector writes to the ledger.
 *
 * @throws SeqdError `unavailable`, `ledger_unavailable`; `behind_ledger` when the series is changed meanwhile, or cannot be brought
 *   back this way; `exhausted` when the series has not so many numbers
 */
export async function recoverSeries(
  series: SeriesId,
  request: RecoveryRequest,
  deps: RecoveryDependencies,
): Promise<RecoveryReport> {
  return new Recovery(series, request, deps).run();
}

class Recovery {
  private readonly series: SeriesId;
  private readonly request: RecoveryRequest;
  private readonly deps: RecoveryDependencies;

  constructor(series: SeriesId, request: RecoveryRequest, deps: RecoveryDependencies) {
    this.series = series;
    this.request = request;
    this.deps = deps;
  }

  async run(): Promise<RecoveryReport> {
    const { series, request, deps } = this;
    const standing = await this.compare();
    if (!lacksBatches(standing)) return this.bringBack(standing);
    // That etcd was restored, too, has to be seen before: afterwards ledger and journal agree.
    const isNeeded = this.isNeeded(standing);
    const skipped = await skipHole(series, standing, { request, deps, isCounterSafe: !isNeeded });
    if (!isNeeded) return skipped;
    const report = await this.bringBack(request.dryRun ? standing : await this.compare());
    return { ...report, lost: skipped.lost };
  }

  private async bringBack(found: SeriesStanding): Promise<RecoveryReport> {
    const { dryRun, keepBoth } = this.request;
    let standing = found;
    if (!this.isNeeded(standing)) return recoveryReport('nothing', standing);
    let fork = await this.forkOf(standing);
    if (fork !== null && !keepBoth) return recoveryReport('forked', standing, { fork });
    if (!dryRun) {
      await this.deps.ledger.setEpoch(this.series, EPOCH_CLOSED);
      // What was under way to the ledger has arrived, or will not.
      standing = await this.compare();
      fork = await this.forkOf(standing);
      if (fork !== null && !keepBoth) return recoveryReport('forked', standing, { fork });
    }
    const { request, deps } = this;
    const margin = await judgeMargin(this.series, { standing, fork, request, deps });
    const known = Math.max(
      standing.head?.next ?? 0,
      standing.ledger.next,
      this.request.rememberedNext,
      // What was known when it began, should it be gone by now.
      standing.recovery?.state === 'begun' ? standing.recovery.next : 0,
    );
    if (!dryRun) await this.begin(standing, known);
    let state = await this.load(standing);
    const before = state.head.sequence;
    if (fork === null) await this.replay(state, standing);
    const replayed = state.head.sequence - before;
    const retired = await this.retire(state, this.suspects({ standing, fork, margin, known }), standing);
    if (dryRun) {
      const next = withMargin(Math.max(known, state.head.next), margin, state.head.settings);
      return recoveryReport('planned', standing, {
        fork,
        margin,
        replayed,
        retired,
        next,
        from: state.head.next,
      });
    }
    // Only now: once it is put aside nobody can tell any more which numbers the lost history has drawn.
    if (fork !== null) await this.detachFork(fork);
    else await this.deps.ledger.branch(this.series, lastKept(standing), this.timeText());
    const target = withMargin(Math.max(known, state.head.next), margin, state.head.settings);
    const first = state.head.next;
    state = await this.raise(state, target, { standing, isFork: fork !== null });
    await this.writeLedger(state.head.sequence);
    await this.deps.ledger.setEpoch(this.series, 0);
    const { next } = state.head;
    return recoveryReport('recovered', standing, { fork, margin, replayed, retired, next, from: first });
  }

  private async compare(): Promise<SeriesStanding> {
    const { store, ledger, digest } = this.deps;
    const standing = await ledger.standing(this.series);
    return compareWithLedger(store, this.series, { ledger: standing, digest });
  }

  private isNeeded({ status, recovery, head }: SeriesStanding): boolean {
    if (recovery?.state === 'begun' || this.request.rememberedNext > (head?.next ?? 0)) return true;
    // Of that one the nodes refuse the series whatever became of etcd.
    if (this.request.evenSo && status !== 'ledger-lost') return true;
    return status === 'etcd-behind' || status === 'etcd-rewound' || status === 'forked';
  }

  /** `null` when the history in etcd is the beginning of the ledger's, or the other way round. */
  private async forkOf(standing: SeriesStanding): Promise<Fork | null> {
    const { store, ledger, digest } = this.deps;
    const { head } = standing;
    const sequence = head?.sequence ?? 0;
    if (standing.status !== 'forked') {
      if (sequence === 0 || standing.ledger.sequence <= sequence) return null;
      const [batch] = await ledger.batches(this.series, sequence, 1);
      if (batch !== undefined && digest(batch.text) === head!.chain) return null;
    }
    return findFork(this.series, standing, { store, ledger, digest });
  }

  /**
   * Which numbers of the pool and of open reservations may be on documents: of a lost history that is known, those it has drawn; when batches may
   * be lost that nobody knows of, all, because the pool is drawn from first.
   */
  private suspects(found: {
    standing: SeriesStanding;
    fork: Fork | null;
    margin: Margin;
    known: number;
  }): Suspects {
    const { margin, known, fork, standing } = found;
    const { head, ledger } = standing;
    const isTailLost =
      margin.numbers > 0 ||
      known > Math.max(head?.next ?? 0, ledger.next) ||
      this.request.rememberedSequence > Math.max(foundSequence(standing), ledger.sequence);
    if (isTailLost && !this.request.keepPool) return 'all';
    return fork?.lostDraws ?? [];
  }

  /** Takes suspects out of the pool for good, after the reservations that hold some were ended. */
  private async retire(
    state: SeriesState,
    suspects: Suspects,
    standing: SeriesStanding,
  ): Promise<RecoveryReport['retired']> {
    const reason = `may be on a document that is lost: ${this.reason(standing)}`;
    const said = { reason, actor: this.request.actor };
    const held = endReservations(state, suspects, said.actor);
    const how = { series: this.series, dryRun: this.request.dryRun, deps: this.deps };
    const ended = await carryOut(state, held, how);
    const ranges = [...ended, ...(await carryOut(state, retirePooled(state, suspects, said), how))];
    return { ranges: mergeRanges(ranges), reservations: held.length };
  }

  /** From here on every node refuses the series, until it is done. */
  private async begin({ head, recovery }: SeriesStanding, known: number): Promise<void> {
    const replayed = recovery?.replayed ?? [];
    const found = foundSequence({ head, recovery });
    const record = this.record({ state: 'begun', foundSequence: found, sequence: 0, next: known, replayed });
    if (recovery?.state === 'begun' && recovery.next >= known) return;
    await commitFor(this.deps, {
      series: this.series,
      expectedHead: head === null ? null : encodeHead(head),
      puts: [{ key: KEYS.recovery, value: encodeRecoveryRecord(record) }],
      deletes: [],
      journalKey: KEYS.recovery,
    });
  }

  /** What the ledger has of the lost history goes where it stays, and the ledger goes on with the one that etcd has. */
  private async detachFork(fork: Fork): Promise<void> {
    const time = this.timeText();
    const period = `${this.series.period}~lost-${fork.common + 1}-${time}`;
    await this.deps.ledger.detach(this.series, fork.common, { period, branch: time });
    this.deps.say(
      `kept both histories: ${fork.inLedger} batches of ${seriesName(this.series)} after batch ${fork.common} are in the ledger as period ` +
        `${period}; the series goes on with the ${fork.inEtcd} that etcd has`,
    );
  }

  /** Names what this recovery has made: `20261121070000`, in UTC. */
  private timeText(): string {
    return new Date(this.deps.now()).toISOString().replaceAll(/\D/g, '').slice(0, 14);
  }

  private async load({ ledger }: SeriesStanding): Promise<SeriesState> {
    const { store, digest } = this.deps;
    let { settings } = this.request;
    const { record } = await store.read(this.series, KEYS.head);
    if (record === null && ledger.sequence > 0) {
      const [first] = await this.deps.ledger.batches(this.series, 1, 1);
      // The configuration may have been another one then.
      if (first !== undefined) settings = { ...settings, start: decodeBatch(first.text).next };
    }
    return (await loadState(store, this.series, { settings, window: DEFAULT_WINDOW, digest })).state;
  }

  private async replay(state: SeriesState, { ledger: { sequence } }: SeriesStanding): Promise<void> {
    const missing = sequence - state.head.sequence;
    if (missing <= 0) return;
    const { dryRun } = this.request;
    if (!dryRun) this.deps.say(`bringing back ${missing} batches from the ledger`);
    while (state.head.sequence < sequence) {
      const first = state.head.sequence + 1;
      const batches = await this.deps.ledger.batches(this.series, first, CHUNK);
      if (batches[0]?.sequence !== first || batches.some((batch, i) => batch.sequence !== first + i))
        throw new SeqdError(
          'behind_ledger',
          `The ledger lacks batch ${first} or one of those that follow it`,
        );
      if (!dryRun) await replayBatches(state, batches, { ...this.deps, series: this.series });
      else
        for (const { text } of batches)
          state.absorb(applyBatch(state, decodeBatch(text), text, this.deps.digest), 0);
    }
  }

  /** Raises the counter, and says in the same commit that the recovery is done. */
  private async raise(
    state: SeriesState,
    target: number,
    { standing, isFork }: { standing: SeriesStanding; isFork: boolean },
  ): Promise<SeriesState> {
    const { head } = state;
    const { recovery } = standing;
    const found = foundSequence(standing);
    const replayed = [...(recovery?.replayed ?? [])];
    const lastReplayed = Math.min(standing.ledger.sequence, head.sequence);
    if (!isFork && lastReplayed > found) addRange(replayed, { first: found + 1, last: lastReplayed });
    const { actor } = this.request;
    const command = { kind: 'raise', next: target, reason: this.reason(standing), actor } as const;
    const made = target > head.next ? planRequests(state, [{ command, origin: {} }], this.deps).made : null;
    const record = this.record({
      state: 'done',
      foundSequence: found,
      sequence: made?.batch.sequence ?? head.sequence,
      next: Math.max(target, head.next),
      replayed,
    });
    const value = encodeRecoveryRecord(record);
    const { puts, deletes } = made === null ? { puts: [], deletes: [] } : planRecords(made);
    const revision = await commitFor(this.deps, {
      series: this.series,
      expectedHead: head.sequence === 0 ? null : encodeHead(head),
      puts: [...puts, { key: KEYS.recovery, value }],
      deletes,
      journalKey: made === null ? KEYS.recovery : journalKey(made.batch.sequence),
    });
    if (made !== null) state.absorb(made.draft, revision);
    return state;
  }

  private reason({ head, ledger }: SeriesStanding): string {
    return (
      `recovery after a restore: etcd was found at batch ${head?.sequence ?? 0} (next ${head?.next ?? 'none'}), the ledger at batch ` +
      `${ledger.sequence} (next ${ledger.next})`
    );
  }

  /** Writes the journal to the ledger, up to the raise: a projector from before the restore finds no place there any more. */
  private async writeLedger(through: number): Promise<void> {
    const { store, ledger } = this.deps;
    for (;;) {
      const { sequence } = await ledger.position(this.series);
      if (sequence >= through) return;
      const { entries } = await readJournalChunk(store, this.series, sequence + 1);
      if (entries.length === 0) return;
      const outcome = await ledger.append(this.series, entries, EPOCH_CLOSED);
      if (outcome.status === 'fenced') throw new SeqdError('behind_ledger', 'Another recovery is under way');
    }
  }

  private record(facts: Omit<RecoveryRecord, 'time' | 'actor'>): RecoveryRecord {
    return { ...facts, time: this.deps.now(), actor: this.request.actor };
  }
}

/** The last batch that was not made by the recovery itself, however often that was interrupted before it wrote to the ledger. */
function lastKept(standing: SeriesStanding): number {
  return Math.max(standing.ledger.sequence, foundSequence(standing));
}

/** A series that ends is not raised past its end. */
function withMargin(known: number, { numbers }: Margin, { maximum }: SeriesSettings): number {
  return Math.max(known, Math.min(known + numbers, maximum + 1));
}
