import { applyBatch, type Digest } from '../../core/apply.ts';
import { decodeBatch } from '../../core/batch-codec.ts';
import { SeqdError } from '../../core/errors.ts';
import { encodeHead, type SeriesSettings } from '../../core/head.ts';
import { type SeriesId, seriesName } from '../../core/identifiers.ts';
import { type Plan, plan, type PlanResult } from '../../core/plan.ts';
import { journalKey, KEYS, planRecords } from '../../core/records.ts';
import { addRange, mergeRanges, type NumberRange, type RangeSet } from '../../core/ranges.ts';
import { encodeRecoveryRecord, type RecoveryRecord } from '../../core/recovery-record.ts';
import type { Request } from '../../core/requests.ts';
import type { SeriesState } from '../../core/state.ts';
import { DEFAULT_WINDOW } from '../../core/window.ts';
import { EPOCH_CLOSED, type RecoveryLedger } from '../../ports/ledger.ts';
import { COMMIT_BYTES_MAX, COMMIT_RECORDS_MAX, type SequenceStore } from '../../ports/sequence-store.ts';
import { loadState, readJournal } from '../../sequencer/load-state.ts';
import { readJournalChunk } from '../journal-chunk.ts';
import { compareWithLedger, type SeriesStanding } from '../series-standing.ts';
import { findFork } from './find-fork.ts';
import { defaultMargin, type Fork, isLedgerStale, type Margin } from './recovery-plan.ts';
import { commitFor, replayBatches } from './replay.ts';
import { endReservations, retirePooled, type Suspects } from './retire-requests.ts';

/** What a recovery works with. */
export interface RecoveryDependencies {
  readonly store: SequenceStore;
  readonly ledger: RecoveryLedger;
  readonly digest: Digest;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A random number in [0, 1). */
  readonly random: () => number;
  /** Told of each step, for people. */
  readonly say: (line: string) => void;
}

/** What is asked of a recovery. */
export interface RecoveryRequest {
  /** For a series that etcd has nothing of. */
  readonly settings: SeriesSettings;
  /** The highest next number that a living node remembers, and that somebody knows from documents; 0 when nobody does. */
  readonly rememberedNext: number;
  /** The last batch that a living node remembers; 0 when none does. */
  readonly rememberedSequence: number;
  /** Whether {@link rememberedNext} is what somebody found on documents. */
  readonly isAboveGiven: boolean;
  /** Numbers added on top; left out, a default is worked out. */
  readonly margin?: number;
  /** Goes on although there is nothing to recover: a node has found that etcd was set back. */
  readonly evenSo: boolean;
  /** Keeps both histories when they have parted. */
  readonly keepBoth: boolean;
  /** Goes on with a ledger that has lost batches for good. */
  readonly acceptHole: boolean;
  /** Leaves the pool and open reservations as they are, though batches may be missing that have drawn from them. */
  readonly keepPool: boolean;
  readonly dryRun: boolean;
  readonly actor: string;
}

/** What a recovery did, or would do. */
export interface RecoveryReport {
  /** `nothing`: etcd and the ledger agree, and nothing was changed. `forked`: nothing was changed; a person must decide. */
  readonly outcome: 'nothing' | 'forked' | 'planned' | 'recovered';
  readonly found: { readonly sequence: number; readonly next: number };
  readonly ledger: { readonly sequence: number; readonly next: number };
  /** Batches brought back from the ledger. */
  readonly replayed: number;
  /** Numbers made void, inclusive; `null` when there was no need. */
  readonly skipped: { readonly first: number; readonly last: number } | null;
  /**
   * Numbers of the pool and of reservations that were made void, or would be, because what is lost may have drawn them; `reservations`
   * were ended. Of a recovery that was interrupted, what was left.
   */
  readonly retired: { readonly ranges: RangeSet; readonly reservations: number };
  readonly margin: Margin;
  /** The next number that will be issued. */
  readonly next: number;
  readonly fork: Fork | null;
  /** Batches that the ledger has lost for good, inclusive. */
  readonly lost: { readonly first: number; readonly last: number } | null;
}

const CHUNK = 1_000;
/** The last batches of the ledger that the default margin is judged by. */
const RATE_BATCHES = 5_000;

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
    const { dryRun, keepBoth } = this.request;
    let standing = await this.compare();
    if (this.lacksBatches(standing)) return this.skipHole(standing);
    if (!(await this.isNeeded(standing))) return this.report('nothing', standing, {});
    let fork = await this.forkOf(standing);
    if (fork !== null && !keepBoth) return this.report('forked', standing, { fork });
    if (!dryRun) {
      await this.deps.ledger.setEpoch(this.series, EPOCH_CLOSED);
      // What was under way to the ledger has arrived, or will not.
      standing = await this.compare();
      fork = await this.forkOf(standing);
      if (fork !== null && !keepBoth) return this.report('forked', standing, { fork });
    }
    const margin = await this.margin(standing, fork);
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
      return this.report('planned', standing, {
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
    return this.report('recovered', standing, { fork, margin, replayed, retired, next, from: first });
  }

  /** A ledger that was given up, and is given back after the journal was pruned, has never been told of what it lacks. */
  private lacksBatches({ status, ledger }: SeriesStanding): boolean {
    return (
      status === 'ledger-lost' || (this.request.acceptHole && status === 'ledger-new' && ledger.sequence > 0)
    );
  }

  private async compare(): Promise<SeriesStanding> {
    const { store, ledger, digest } = this.deps;
    const standing = await ledger.standing(this.series);
    return compareWithLedger(store, this.series, { ledger: standing, digest });
  }

  private async isNeeded(standing: SeriesStanding): Promise<boolean> {
    const { status, recovery, head } = standing;
    if (recovery?.state === 'begun' || this.request.evenSo) return true;
    if (this.request.rememberedNext > (head?.next ?? 0)) return true;
    return status === 'etcd-behind' || status === 'etcd-rewound' || status === 'forked';
  }

  /** The ledger lacks batches that the journal has no more. @throws SeqdError `behind_ledger` unless that is accepted */
  private async skipHole(standing: SeriesStanding): Promise<RecoveryReport> {
    const { ledger, journalFirst, head } = standing;
    const lost = { first: ledger.sequence + 1, last: journalFirst - 1 };
    if (!this.request.acceptHole) {
      throw new SeqdError(
        'behind_ledger',
        `The ledger ends with batch ${ledger.sequence} and the journal in etcd begins with ${journalFirst}: batches ${lost.first} to ${lost.last} are in ` +
          'neither. No number is in danger, and etcd knows the state of each, but the record of those is lost: restore a newer backup of PostgreSQL, ' +
          'and serving goes on by itself. If there is none, "seqd recover --accept-hole --yes" goes on without them; every "seqd verify --ledger" will name them',
      );
    }
    const next = head?.next ?? 0;
    if (this.request.dryRun) return this.report('planned', standing, { lost, next });
    const [first] = await readJournal(this.deps.store, this.series, {
      first: journalFirst,
      last: journalFirst,
    });
    if (first === undefined)
      throw new SeqdError('unavailable', 'The journal has just been pruned; run it again');
    const { previous: chain, next: counter } = first.batch;
    const reason = `PostgreSQL was restored from a backup that ends with batch ${ledger.sequence}, and the journal began with ${journalFirst} by then`;
    await this.deps.ledger.skipTo(
      this.series,
      { sequence: lost.last, chain, next: counter },
      { reason, actor: this.request.actor },
    );
    this.deps.say(
      `the ledger goes on with batch ${journalFirst}; batches ${lost.first} to ${lost.last} are lost for good`,
    );
    return this.report('recovered', standing, { lost, next });
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

  private async margin(standing: SeriesStanding, fork: Fork | null): Promise<Margin> {
    const { margin } = this.request;
    const { sequence } = standing.ledger;
    if (margin === undefined && fork === null) await this.demandKnowledge(standing);
    if (margin !== undefined) return { numbers: margin, reason: 'as asked' };
    const texts: string[] = [];
    const from = Math.max(1, sequence - RATE_BATCHES + 1);
    for (let first = from; first <= sequence; first += CHUNK)
      for (const { text } of await this.deps.ledger.batches(this.series, first, CHUNK)) texts.push(text);
    return defaultMargin(texts.map(decodeBatch));
  }

  /**
   * The default margin is for a ledger that was written until the end. @throws SeqdError `behind_ledger` when it was not, and neither a node nor
   * a person knows more
   */
  private async demandKnowledge(standing: SeriesStanding): Promise<void> {
    const { ledger, head, recovery } = standing;
    const { rememberedSequence, isAboveGiven } = this.request;
    // What the last recovery added itself, and could not write to the ledger any more, says nothing of what was lost.
    const isLatest = recovery?.state === 'done' && recovery.sequence === head?.sequence;
    const found = isLatest ? recovery.foundSequence : foundSequence(standing);
    if (isAboveGiven || found === 0 || rememberedSequence > Math.max(found, ledger.sequence)) return;
    const [last] = await this.deps.ledger.batches(this.series, ledger.sequence, 1);
    const written = last === undefined ? 0 : decodeBatch(last.text).time;
    const newest = await this.timeOf(found, standing);
    if (!isLedgerStale({ etcd: newest, ledger: written })) return;
    const until = last === undefined ? 'holds nothing' : `ends ${Math.round((newest - written) / 1000)} s`;
    throw new SeqdError(
      'behind_ledger',
      `The ledger ${until} before batch ${found}, which etcd still has: it was not written when the rest was lost, so it cannot tell how many numbers ` +
        'nobody knows of. Look for the highest number on any document and say --above NUMBER, or say --margin NUMBERS',
    );
  }

  /** When etcd's last batch was committed that is not this recovery's; 0 when its entry is gone. */
  private async timeOf(sequence: number, { head }: SeriesStanding): Promise<number> {
    if (head?.sequence === sequence) return head.time;
    const [entry] = await readJournal(this.deps.store, this.series, { first: sequence, last: sequence });
    return entry?.batch.time ?? 0;
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
    const ended = await this.carryOut(state, held);
    const ranges = [...ended, ...(await this.carryOut(state, retirePooled(state, suspects, said)))];
    return { ranges: mergeRanges(ranges), reservations: held.length };
  }

  /** Commits requests, as many at a time as fit; a dry run changes only the state. Gives the numbers that became void. */
  private async carryOut(state: SeriesState, requests: readonly Request[]): Promise<NumberRange[]> {
    const voided: NumberRange[] = [];
    for (let from = 0; from < requests.length;) {
      const { head } = state;
      const { made, outcomes } = this.plan(state, requests.slice(from, from + COMMIT_RECORDS_MAX));
      let revision = 0;
      if (!this.request.dryRun) {
        const { puts, deletes } = planRecords(made);
        revision = await commitFor(this.deps, {
          series: this.series,
          expectedHead: encodeHead(head),
          puts,
          deletes,
          journalKey: journalKey(made.batch.sequence),
        });
      }
      state.absorb(made.draft, revision);
      for (const fact of made.batch.facts) {
        if (fact.kind === 'retire') voided.push(...fact.ranges);
        else if (fact.kind === 'cancel' && fact.to === 'void')
          voided.push(...fact.reused, ...(fact.fresh === null ? [] : [fact.fresh]));
      }
      from += outcomes.length;
    }
    return voided;
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
    const made = target > head.next ? this.plan(state, [{ command, origin: {} }]).made : null;
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

  /** @throws SeqdError when one of the requests is refused */
  private plan(
    state: SeriesState,
    requests: readonly Request[],
  ): { made: Plan; outcomes: PlanResult['outcomes'] } {
    const now = this.deps.now();
    const { plan: made, outcomes } = plan(state, requests, {
      now,
      node: `recover/${now.toString(36)}${Math.floor(this.deps.random() * 1e6).toString(36)}`,
      serial: 1,
      digest: this.deps.digest,
      recordsMax: COMMIT_RECORDS_MAX - 8,
      bytesMax: COMMIT_BYTES_MAX,
    });
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        throw new SeqdError(outcome.rejection.code, outcome.rejection.detail);
    if (made === null) throw new SeqdError('internal');
    return { made, outcomes };
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

  private report(
    outcome: RecoveryReport['outcome'],
    { head, ledger }: SeriesStanding,
    facts: {
      fork?: Fork | null;
      margin?: Margin;
      replayed?: number;
      retired?: RecoveryReport['retired'];
      next?: number;
      from?: number;
      lost?: RecoveryReport['lost'];
    },
  ): RecoveryReport {
    const next = facts.next ?? head?.next ?? 0;
    const from = facts.from ?? next;
    return {
      outcome,
      found: { sequence: head?.sequence ?? 0, next: head?.next ?? 0 },
      ledger: { sequence: ledger.sequence, next: ledger.next },
      replayed: facts.replayed ?? 0,
      skipped: next > from ? { first: from, last: next - 1 } : null,
      retired: facts.retired ?? { ranges: [], reservations: 0 },
      margin: facts.margin ?? { numbers: 0, reason: '' },
      next,
      fork: facts.fork ?? null,
      lost: facts.lost ?? null,
    };
  }
}

/** The last batch that was not made by the recovery itself, however often that was interrupted before it wrote to the ledger. */
function lastKept(standing: SeriesStanding): number {
  return Math.max(standing.ledger.sequence, foundSequence(standing));
}

/** Where etcd stood when the recovery began, however often it was interrupted since. */
function foundSequence({ head, recovery }: Pick<SeriesStanding, 'head' | 'recovery'>): number {
  return recovery?.state === 'begun' ? recovery.foundSequence : (head?.sequence ?? 0);
}

/** A series that ends is not raised past its end. */
function withMargin(known: number, { numbers }: Margin, { maximum }: SeriesSettings): number {
  return Math.max(known, Math.min(known + numbers, maximum + 1));
}
