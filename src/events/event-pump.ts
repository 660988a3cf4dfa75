import { setTimeout as sleep } from 'node:timers/promises';
import { decodeBatch } from '../core/batch-codec.ts';
import { type EventKind, eventOf } from '../core/document-event.ts';
import { seriesName } from '../core/identifiers.ts';
import type {
  DeadLetter,
  EventOutbox,
  EventPosition,
  OutboxHold,
  RequestedLetter,
  SeriesBacklog,
} from '../ports/event-outbox.ts';
import type { EventSink } from '../ports/event-sink.ts';
import type { Logger } from '../ports/logger.ts';
import type { EventObserver } from './event-observer.ts';
import { PatientDelivery } from './patient-delivery.ts';
import { type PlacedEvent, type Slice, slicesOf } from './slices.ts';

/** How a pump works. */
export interface EventPumpOptions {
  readonly cluster: string;
  /** The sink's name; its position goes by it. */
  readonly name: string;
  readonly from: 'beginning' | 'end';
  /** `undefined`: all. */
  readonly kinds: ReadonlySet<EventKind> | undefined;
  readonly sink: EventSink;
  readonly outbox: EventOutbox;
  /** This process, unique over restarts. */
  readonly holder: string;
  readonly limits: {
    /** Events sent at once. */
    readonly batchSizeMax: number;
    /** Refusals after which an event is a dead letter. */
    readonly attemptsMax: number;
    /** Longest pause between two attempts, unless the receiver asks for more. */
    readonly retryDelayMsMax: number;
  };
  /** Whether another node had better do it; this one then waits some time before it takes a sink that is free. */
  readonly reluctant: () => boolean;
  readonly random: () => number;
  readonly logger: Logger;
  readonly observer: EventObserver;
  /** Pauses; rejects when the signal aborts. Default: real time. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How far behind a sink is in one series. */
export interface EventLag {
  readonly series: string;
  readonly batches: number;
  /** Unix milliseconds; `undefined` when nothing waits. */
  readonly oldest: number | undefined;
}

const LEASE_MS = 10_000;
const IDLE_MS = 500;
/** Between attempts to take a sink, or to reach the ledger. */
const TAKE_MS = 1_000;
/** How many of them a reluctant node lets pass. */
const PATIENCE = 3;
const BYTES_MAX = 1024 * 1024;
const REQUESTED_MAX = 50;
/** A series that cannot be read is left alone for so long. */
const STALL_MS = 60_000;

/**
 * Delivers the ledger's facts to one sink, in order, at least once: the position in a series moves only after the sink has
 * accepted what lies before, and by compare-and-swap. What a sink does not accept stays where it is, in the ledger, so that memory
 * is bounded however long the sink is away, and issuing never waits for it.
 *
 * States: idle → `start` → waiting (somebody else delivers to this sink, or the ledger cannot be reached) ⇄ pumping → `close` → closed.
 */
export class EventPump {
  readonly name: string;
  private readonly options: EventPumpOptions;
  private readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  private readonly delivery: PatientDelivery;
  private readonly stopping = new AbortController();
  private readonly stalledUntilMs = new Map<number, number>();
  private lags: readonly EventLag[] = [];
  private running: Promise<void> | undefined;

  constructor(options: EventPumpOptions) {
    this.options = options;
    this.name = options.name;
    this.pause = options.pause ?? ((ms, signal) => sleep(ms, undefined, { signal }));
    this.delivery = new PatientDelivery({ ...options, pause: this.pause });
  }

  /** How far behind it is, as of the last look; nothing while another node delivers. */
  get lag(): readonly EventLag[] {
    return this.lags;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Stops: what is under way is given up, and will be delivered again by whoever goes on. Never rejects. */
  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.options.sink.close();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let reachable = true;
    let patience = PATIENCE;
    while (!signal.aborted) {
      try {
        if (patience > 0 && this.options.reluctant()) {
          patience -= 1;
        } else {
          const hold = await this.take();
          patience = PATIENCE;
          if (!reachable) this.options.logger.info({ sink: this.name }, 'events are delivered again');
          reachable = true;
          if (hold !== undefined) await this.serve(hold);
        }
      } catch (error) {
        if (!signal.aborted && reachable)
          this.options.logger.warn({ err: error, sink: this.name }, 'events wait: the ledger cannot be read');
        reachable = false;
      }
      await this.pause(TAKE_MS, signal).catch(() => {});
    }
  }

  private take(): Promise<OutboxHold | undefined> {
    const { outbox, name, holder, from } = this.options;
    return outbox.take({ sink: name, holder, from, leaseMs: LEASE_MS });
  }

  /** Delivers until the hold is lost or the pump is closed. @throws what the outbox throws */
  private async serve(hold: OutboxHold): Promise<void> {
    const { outbox, logger } = this.options;
    const lost = new AbortController();
    const stop = (): void => lost.abort();
    this.stopping.signal.addEventListener('abort', stop);
    if (this.stopping.signal.aborted) stop();
    const keeping = this.keep(hold, lost);
    logger.info({ sink: this.name, epoch: hold.epoch }, 'this node delivers events');
    try {
      while (!lost.signal.aborted) {
        if (!(await this.round(hold, lost.signal))) await this.pause(IDLE_MS, lost.signal);
      }
    } catch (error) {
      if (error instanceof LostHold) logger.info({ sink: this.name }, error.message);
      else if (!lost.signal.aborted) throw error;
    } finally {
      stop();
      this.stopping.signal.removeEventListener('abort', stop);
      await keeping;
      this.lags = [];
      await outbox.giveUp(hold).catch(() => {});
    }
  }

  /** Keeps the hold, and what is known of the lag, while a delivery may take long. */
  private async keep(hold: OutboxHold, lost: AbortController): Promise<void> {
    const { outbox, logger } = this.options;
    let keptAtMs = performance.now();
    while (!lost.signal.aborted) {
      await this.pause(LEASE_MS / 3, lost.signal).catch(() => {});
      if (lost.signal.aborted) return;
      try {
        const startedMs = performance.now();
        if (!(await outbox.keep(hold, LEASE_MS, this.delivery.problem))) {
          logger.warn({ sink: this.name }, 'another node delivers events now');
          lost.abort();
        } else {
          keptAtMs = startedMs;
          this.learnLag(await outbox.backlog(hold));
        }
      } catch {
        // Whoever takes it over begins where we are known to have got; so this only spares duplicates.
        if (performance.now() - keptAtMs > LEASE_MS) lost.abort();
      }
    }
  }

  /** Delivers a part of what waits, from every series some. @returns whether there was anything */
  private async round(hold: OutboxHold, signal: AbortSignal): Promise<boolean> {
    const { outbox } = this.options;
    let busy = false;
    for (const letter of await outbox.requested(hold, REQUESTED_MAX)) {
      await this.redeliver(hold, letter, signal);
      busy = true;
    }
    const backlog = await outbox.backlog(hold);
    this.learnLag(backlog);
    for (const series of backlog) {
      // Fewer than none: it was told of batches that a restore of the ledger has taken away.
      if (series.batches <= 0 || this.isStalled(series)) continue;
      await this.deliverSeries(hold, series, signal);
      busy = true;
    }
    return busy;
  }

  /** Delivers what one read gives. */
  private async deliverSeries(hold: OutboxHold, backlog: SeriesBacklog, signal: AbortSignal): Promise<void> {
    const { outbox, cluster, kinds, limits } = this.options;
    const { series, seriesId, position } = backlog;
    const batches = await outbox.read(backlog);
    if (batches[0]?.sequence !== position.sequence) {
      if (await outbox.passHole(hold, backlog)) return;
      this.stall(backlog, new Error(`batch ${position.sequence} is not in the ledger`));
      return;
    }
    const slices = slicesOf(
      batches,
      position,
      { cluster, series },
      {
        kinds,
        countMax: limits.batchSizeMax,
        bytesMax: BYTES_MAX,
      },
    );
    const passage = { hold, seriesId, at: position };
    for (;;) {
      let next;
      try {
        next = slices.next();
      } catch (error) {
        this.stall(backlog, error);
        return;
      }
      if (next.done === true) return;
      await this.pass(passage, next.value, signal, 0);
    }
  }

  /**
   * Delivers a slice and moves past it. One that is refused again and again is halved until it is known which events are refused:
   * those are dead letters, all others are delivered, in order.
   *
   * @param refusals of these events so far
   * @throws when the signal aborts, and {@link LostHold}
   */
  private async pass(passage: Passage, slice: Slice, signal: AbortSignal, refusals: number): Promise<void> {
    const { events, end } = slice;
    if (events.length === 0) return this.advance(passage, end, []);
    const { attemptsMax } = this.options.limits;
    const refusal = await this.delivery.attempt(events, signal, Math.max(1, attemptsMax - refusals));
    if (refusal === undefined) {
      await this.advance(passage, end, []);
      this.options.observer.eventsDelivered(this.name, events.length);
      return;
    }
    const attempts = refusals + refusal.attempts;
    const [first] = events as [PlacedEvent];
    if (events.length === 1) {
      const dead = [deadLetterOf(first, { ...refusal, attempts })];
      await this.advance(passage, end, dead);
      this.reportDead(first, refusal.reason);
      return;
    }
    const half = Math.ceil(events.length / 2);
    const head = events.slice(0, half);
    await this.pass(passage, { events: head, end: head.at(-1)!.after }, signal, attempts);
    await this.pass(passage, { events: events.slice(half), end }, signal, attempts);
  }

  private async advance(passage: Passage, to: EventPosition, dead: readonly DeadLetter[]): Promise<void> {
    const { hold, seriesId, at: from } = passage;
    if (!(await this.options.outbox.advance(hold, seriesId, { from, to, dead }))) throw new LostHold();
    passage.at = to;
  }

  private async redeliver(hold: OutboxHold, letter: RequestedLetter, signal: AbortSignal): Promise<void> {
    const { outbox, cluster, observer } = this.options;
    const { batch, index, series } = letter;
    if (batch === undefined) return outbox.settle(hold, letter.id, 'it is not in the ledger any more');
    let event;
    try {
      event = eventOf(decodeBatch(batch.body), index, {
        cluster,
        series,
        revision: batch.revision,
        branch: batch.branch,
      });
    } catch (error) {
      return outbox.settle(hold, letter.id, `it cannot be read: ${(error as Error).message}`);
    }
    const refusal = await this.delivery.attempt([{ event, text: JSON.stringify(event) }], signal, 1);
    await outbox.settle(hold, letter.id, refusal?.reason);
    if (refusal === undefined) observer.eventsDelivered(this.name, 1);
  }

  private reportDead({ event }: PlacedEvent, reason: string): void {
    const { observer, logger } = this.options;
    observer.deadLetters(this.name, 1);
    logger.error(
      { sink: this.name, event: event.id, reason },
      'an event was refused and is a dead letter now',
    );
  }

  private learnLag(backlog: readonly SeriesBacklog[]): void {
    this.lags = backlog.map(({ series, batches, oldest }) => ({
      series: seriesName(series),
      batches: Math.max(0, batches),
      oldest,
    }));
  }

  /** What cannot be read is never skipped; the other series go on. */
  private stall({ series, seriesId }: SeriesBacklog, error: unknown): void {
    this.stalledUntilMs.set(seriesId, performance.now() + STALL_MS);
    this.options.logger.error(
      { err: error, sink: this.name, series: seriesName(series) },
      'events of a series wait: its batches cannot be read',
    );
    this.delivery.problem = `${seriesName(series)} cannot be read: ${(error as Error).message}`;
  }

  private isStalled({ seriesId }: SeriesBacklog): boolean {
    const untilMs = this.stalledUntilMs.get(seriesId);
    return untilMs !== undefined && performance.now() < untilMs;
  }
}

/** Where a series' delivery has got. */
interface Passage {
  readonly hold: OutboxHold;
  readonly seriesId: number;
  at: EventPosition;
}

/** Somebody else has moved the position, or holds the sink: what was read is out of date. */
class LostHold extends Error {
  override readonly name = 'LostHold';

  constructor() {
    super('another node delivers events to this sink');
  }
}

function deadLetterOf(
  { event, time }: PlacedEvent,
  { reason, attempts }: { reason: string; attempts: number },
): DeadLetter {
  const { sequence, index, kind } = event.data;
  return { position: { sequence, index }, time, kind, reason, attempts };
}
