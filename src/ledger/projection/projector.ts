import { SeqdError } from '../../core/errors.ts';
import { GENESIS_CHAIN, type Head } from '../../core/head.ts';
import { type SeriesId, seriesName } from '../../core/identifiers.ts';
import {
  decodeLedgerRecord,
  encodeLedgerRecord,
  type LedgerProblem,
  type LedgerRecord,
} from '../../core/ledger-record.ts';
import { KEYS } from '../../core/records.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Coordination, type Leader, projectorElection } from '../../ports/coordination.ts';
import type { Ledger, LedgerPosition } from '../../ports/ledger.ts';
import type { Logger } from '../../ports/logger.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { isFatal } from '../../sequencer/load-state.ts';
import { CHUNK_BATCHES_MAX, readJournalChunk } from '../journal-chunk.ts';
import { DivergedError, joinJournal } from './journal-join.ts';

/** What a projector works with. */
export interface ProjectorDependencies {
  readonly store: SequenceStore;
  readonly coordination: Coordination;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A random number in [0, 1). */
  readonly random: () => number;
  /** The series' head as this node has last seen it. */
  readonly head: () => Head | undefined;
  /** Told of the batches it has written. */
  readonly projected?: (batches: number) => void;
  /** Told when it finds that journal and ledger contradict each other: the restore guard need not wait for its turn. */
  readonly diverged?: () => void;
}

/** Between looks at a journal that had no more. */
const POLL_MS = 200;
/** Every write of the position is a commit of etcd, which requests could use. */
const PUBLISH_INTERVAL_MS = 500;
const BACKOFF_MS = 200;
const BACKOFF_MAX_MS = 5_000;
/** While nothing is written, it is checked this often that ledger and journal still belong together. */
const CHECK_INTERVAL_MS = 10_000;
/** For so long the node that leads the series leaves a vacant election to others. */
const LEADER_WAIT_MS = 2_000;
/** A ledger that this node does not reach for so long may be reached by another one, … */
const PATIENCE_MS = 30_000;
/** … which is given so long to take over. */
const STAND_BACK_MS = 5_000;

/** One election of this node. */
interface Term {
  readonly election: Leader;
  /** Where the ledger stands; `undefined` when it must be asked. */
  position: LedgerPosition | undefined;
  /** Time of the batch there, Unix milliseconds; 0 when it is not known. */
  time: number;
  /** The record in the store as last seen there; `undefined` when it must be read. */
  published: string | null | undefined;
  publishedAtMs: number;
  checkedAtMs: number;
  /** Where a ledger begins that has nothing of a series whose journal was pruned before. */
  beginsAt: number | undefined;
}

function kindOf(error: unknown): LedgerProblem | 'etcd' {
  if (isFatal(error)) return 'diverged';
  return (error as SeqdError).code === 'ledger_unavailable' ? 'unavailable' : 'etcd';
}

/**
 * Writes a series' journal to the ledger, in order, batch for batch (DESIGN §7).
 *
 * States: `standby` (another node does it) → `projecting` → `standby` …, and `closed`. Every node with a ledger has one; an election
 * of their own decides whose works. It is left to nodes that do not lead the series where there are any: the leader's processor
 * is what is scarce.
 *
 * Nothing rests on there being one only: the ledger takes each batch once, after the one before, and nothing any more from an
 * earlier election than the last it has heard of. The position goes to the store under a guard, so that whoever has
 * lost the election moves nothing there either.
 *
 * A ledger that does not answer is asked again and again, ever more slowly; issuing numbers does not wait for it.
 */
export class Projector {
  private readonly series: SeriesId;
  private readonly name: SeriesId;
  private readonly deps: ProjectorDependencies;
  private status: 'open' | 'draining' | 'closed' = 'open';
  private term: Term | undefined;
  /** What the log and the record were last told. */
  private problem: { readonly kind: LedgerProblem | 'etcd'; readonly detail: string } | undefined;
  private failures = 0;
  private failingSinceMs: number | undefined;
  private vacantSinceMs: number | undefined;
  private standBackUntilMs = Number.NEGATIVE_INFINITY;
  /** Batches written at a time: fewer after it took too long, then slowly more again. */
  private chunkMax = CHUNK_BATCHES_MAX;
  /** Batches in the write that is under way, or has failed. */
  private writing = 0;
  /** The leadership of the series in which this node has given the election up once. */
  private resignedIn: number | undefined;
  private wake: () => void = () => {};
  private running: Promise<void> | undefined;

  constructor(series: SeriesId, deps: ProjectorDependencies) {
    this.series = series;
    this.name = projectorElection(series);
    this.deps = deps;
  }

  /** Whether this node writes to the ledger now, or tries to. */
  get isProjecting(): boolean {
    return this.term !== undefined;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Finishes the write under way and gives the election up, so that another node goes on at once. Idempotent. */
  async drain({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    if (this.status === 'open') this.status = 'draining';
    this.wake();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => (timer = setTimeout(resolve, deadlineMs)));
    await Promise.race([this.running, late]);
    clearTimeout(timer);
  }

  /** Ends at once: what is under way may still be written, and is written again by whoever comes next. */
  close(): void {
    this.status = 'closed';
    this.term = undefined;
    this.wake();
  }

  private async run(): Promise<void> {
    while (this.status === 'open') {
      const pauseMs = await this.round();
      if (pauseMs > 0 && this.status === 'open') await this.pause(pauseMs);
    }
    if (this.status === 'draining') await this.deps.coordination.resign(this.name);
    this.term = undefined;
  }

  /** One step; never rejects. Resolves with how long to wait until the next, milliseconds. */
  private async round(): Promise<number> {
    const election = await this.elect();
    if (election === undefined) {
      this.term = undefined;
      this.failures = 0;
      return POLL_MS;
    }
    if (this.term?.election.epoch !== election.epoch) this.term = this.begin(election);
    const { term } = this;
    try {
      const pauseMs = await this.project(term);
      await this.recovered(term);
      return pauseMs;
    } catch (error) {
      return this.failed(term, error);
    }
  }

  private begin(election: Leader): Term {
    const { logger } = this.deps;
    logger.info({ series: seriesName(this.series), epoch: election.epoch }, 'writing to the ledger');
    return {
      election,
      position: undefined,
      time: 0,
      published: undefined,
      publishedAtMs: Number.NEGATIVE_INFINITY,
      checkedAtMs: 0,
      beginsAt: undefined,
    };
  }

  /** Our election when we hold it, after trying to win it when nobody does. */
  private async elect(): Promise<Leader | undefined> {
    const { coordination } = this.deps;
    const nowMs = this.deps.clock.monotonicMs();
    const others = coordination.nodes().some(({ instance }) => instance !== coordination.self.instance);
    const leads = coordination.leads(this.series);
    const holder = coordination.leader(this.name);
    if (coordination.leads(this.name)) {
      if (!others || !this.shouldResign(nowMs)) return holder;
      await coordination.resign(this.name);
      this.vacantSinceMs = nowMs;
      return undefined;
    }
    // Without a registration, or with another process under its name, whoever held it does so no more.
    if (
      holder !== undefined &&
      (holder.node !== undefined || holder.instance === coordination.self.instance)
    ) {
      this.vacantSinceMs = undefined;
      return undefined;
    }
    this.vacantSinceMs ??= nowMs;
    if (others && (nowMs < this.standBackUntilMs || (leads && nowMs < this.vacantSinceMs + LEADER_WAIT_MS)))
      return undefined;
    if (!(await coordination.campaign(this.name, holder))) return undefined;
    return this.status === 'closed' ? undefined : coordination.leader(this.name);
  }

  /** Whether another node may do better; there is one. */
  private shouldResign(nowMs: number): boolean {
    const { coordination } = this.deps;
    if (this.failingSinceMs !== undefined && nowMs > this.failingSinceMs + PATIENCE_MS) {
      this.standBackUntilMs = nowMs + STAND_BACK_MS;
      this.failingSinceMs = undefined;
      return true;
    }
    const epoch = coordination.leads(this.series) ? coordination.leader(this.series)?.epoch : undefined;
    // Once: when it falls back to us, the others have no ledger.
    if (epoch === undefined || epoch === this.resignedIn) return false;
    this.resignedIn = epoch;
    return true;
  }

  /** Writes the next chunk. Resolves with how long to wait until the next, milliseconds. */
  private async project(term: Term): Promise<number> {
    const { store, ledger, clock, logger } = this.deps;
    const position = (term.position ??= await this.locate(term));
    const { beginsAt } = term;
    const first = beginsAt ?? position.sequence + 1;
    const { entries, more } = await readJournalChunk(store, this.series, first, this.chunkMax);
    if (entries.length === 0) {
      // Either there is nothing new, or it was pruned.
      const behind = (this.deps.head()?.sequence ?? 0) > position.sequence;
      if (behind || clock.monotonicMs() > term.checkedAtMs + CHECK_INTERVAL_MS) term.position = undefined;
      await this.publish(term, position, null);
      return POLL_MS;
    }
    this.writing = entries.length;
    const outcome = await ledger.append(this.series, entries, term.election.epoch, {
      beginsHere: beginsAt !== undefined,
    });
    this.writing = 0;
    switch (outcome.status) {
      case 'appended':
        term.position = outcome.position;
        term.time = entries.at(-1)!.batch.time;
        this.deps.projected?.(entries.length);
        this.grow();
        if (beginsAt !== undefined) this.tellBeginning(term, beginsAt);
        if (clock.monotonicMs() >= term.publishedAtMs + PUBLISH_INTERVAL_MS)
          await this.publish(term, outcome.position, null);
        return more ? 0 : POLL_MS;
      case 'elsewhere':
        term.position = undefined;
        return POLL_MS;
      case 'fenced':
        term.position = undefined;
        logger.warn({ series: seriesName(this.series) }, 'another node writes to the ledger by now');
        if (!(await this.isDeposed(term)))
          throw new DivergedError(
            'The ledger was last written under a later election than this one. Was etcd restored from a backup? "seqd recover --dry-run" says what it finds',
          );
        return POLL_MS;
    }
  }

  /** Asks the ledger where it stands, and whether the journal goes on from there. @throws DivergedError when it does not */
  private async locate(term: Term): Promise<LedgerPosition> {
    const { store, ledger, logger, clock } = this.deps;
    term.published ??= await this.readPublished();
    const published = term.published === null ? undefined : decodeLedgerRecord(term.published);
    const position = await ledger.position(this.series);
    const { beginsAt, time } = await joinJournal({ store, series: this.series }, position, published);
    term.beginsAt = beginsAt;
    // Nothing is pruned from here on by a leader that was told of no ledger.
    if (published === undefined) await this.publish(term, position, null);
    if (published !== undefined && published.sequence > position.sequence) {
      logger.error(
        { series: seriesName(this.series), had: published.sequence, has: position.sequence },
        'the ledger has lost batches, and gets them again from the journal; was it restored from a backup?',
      );
      // The journal must be kept from there on, before anything else is done.
      await this.publish(term, position, null);
    }
    term.time = time ?? term.time;
    term.checkedAtMs = clock.monotonicMs();
    return position;
  }

  /** Writes the position, or a problem, for all nodes to see. @throws SeqdError `unavailable` */
  private async publish(
    term: Term,
    { sequence, chain }: Pick<LedgerRecord, 'sequence' | 'chain'>,
    problem: { readonly kind: LedgerProblem; readonly detail: string } | null,
  ): Promise<void> {
    const { store, coordination, clock } = this.deps;
    const expected = (term.published ??= await this.readPublished());
    const value = encodeLedgerRecord({
      sequence,
      chain,
      time: term.time,
      node: coordination.self.id,
      problem: problem?.kind ?? null,
      detail: problem?.detail ?? '',
    });
    if (value === expected) return;
    // Not known until the store has said so.
    term.published = undefined;
    const written = await store.publishLedger({
      series: this.series,
      expected,
      value,
      election: term.election.guard,
    });
    if (written) {
      term.published = value;
      term.publishedAtMs = clock.monotonicMs();
    } else await coordination.refresh();
  }

  private async readPublished(): Promise<string | null> {
    const { record } = await this.deps.store.read(this.series, KEYS.ledger);
    return record?.value ?? null;
  }

  private async isDeposed({ election }: Term): Promise<boolean> {
    const { coordination } = this.deps;
    await coordination.refresh();
    return !coordination.leads(this.name) || coordination.leader(this.name)?.epoch !== election.epoch;
  }

  private tellBeginning(term: Term, first: number): void {
    term.beginsAt = undefined;
    this.deps.logger.warn(
      { series: seriesName(this.series), first },
      `the ledger begins with batch ${first}: those before it were pruned when there was no ledger, and each verification names them`,
    );
  }

  private grow(): void {
    this.chunkMax = Math.min(CHUNK_BATCHES_MAX, Math.ceil(this.chunkMax * 1.125));
  }

  /** After a write that took too long: the same again would take as long again. */
  private shrink(error: unknown): void {
    const tooLong = error instanceof SeqdError && error.details['tooLong'] === true;
    if (tooLong && this.writing > 0) this.chunkMax = Math.max(1, Math.floor(this.writing / 2));
    this.writing = 0;
  }

  private async recovered(term: Term): Promise<void> {
    this.failures = 0;
    this.failingSinceMs = undefined;
    const { problem } = this;
    if (problem === undefined) return;
    this.problem = undefined;
    if (problem.kind === 'etcd') return;
    this.deps.logger.info(
      { series: seriesName(this.series), position: term.position?.sequence },
      'the ledger takes batches again',
    );
  }

  private async failed(term: Term, error: unknown): Promise<number> {
    const { random, clock } = this.deps;
    // What became of the write is not known, nor what happened to the ledger meanwhile.
    term.position = undefined;
    this.failures += 1;
    this.shrink(error);
    const kind = kindOf(error);
    if (kind === 'unavailable') this.failingSinceMs ??= clock.monotonicMs();
    if (this.status === 'open' && !(kind === 'diverged' && (await this.isDeposed(term))))
      await this.tell(term, kind, error as Error);
    const maxMs =
      kind === 'etcd' ? BACKOFF_MS : Math.min(BACKOFF_MS * 2 ** (this.failures - 1), BACKOFF_MAX_MS);
    return maxMs * (0.5 + random() / 2);
  }

  /** Says what is wrong when that is news: in the log and, as far as the store is there, to all nodes. Never rejects. */
  private async tell(term: Term, kind: LedgerProblem | 'etcd', error: Error): Promise<void> {
    const { logger } = this.deps;
    const detail = error.message;
    const fields = { series: seriesName(this.series), err: error };
    if (this.problem?.kind !== kind) {
      if (kind === 'diverged') this.deps.diverged?.();
      if (kind === 'diverged')
        logger.error(
          fields,
          'ledger and journal contradict each other: nothing more is written to the ledger',
        );
      else if (kind === 'unavailable')
        logger.warn(
          fields,
          'the ledger does not answer; it is asked again and again, and numbers are issued meanwhile',
        );
      else logger.debug(fields, 'etcd does not answer the projector');
    }
    this.problem = { kind, detail };
    if (kind === 'etcd') return;
    try {
      const published = (term.published ??= await this.readPublished());
      const last =
        published === null ? { sequence: 0, chain: GENESIS_CHAIN, time: 0 } : decodeLedgerRecord(published);
      term.time = last.time;
      await this.publish(term, last, { kind, detail });
    } catch (publishError) {
      logger.debug({ ...fields, err: publishError }, 'problem of the ledger not published');
    }
  }

  private async pause(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = () => {};
  }
}
