import type { DeliveryOutcome, EventSink, OutgoingEvent } from '../ports/event-sink.ts';
import type { Logger } from '../ports/logger.ts';
import type { EventObserver } from './event-observer.ts';
import { retryDelayMs } from './retry-delay.ts';

/** How events are sent to a sink. */
export interface PatientDeliveryOptions {
  /** The sink's. */
  readonly name: string;
  readonly sink: EventSink;
  readonly limits: {
    /** Longest pause between two attempts, unless the receiver asks for more. */
    readonly retryDelayMsMax: number;
  };
  readonly random: () => number;
  readonly logger: Logger;
  readonly observer: Pick<EventObserver, 'deliveryFailed'>;
  /** Pauses; rejects when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A receiver that asks for more time than this is asked again all the same. */
const RETRY_AFTER_MS_MAX = 3_600_000;

/** Sends events to one sink for as long as it takes, with pauses that grow. */
export class PatientDelivery {
  /** Why events wait now; `null` when they do not. */
  problem: string | null = null;
  private readonly options: PatientDeliveryOptions;

  constructor(options: PatientDeliveryOptions) {
    this.options = options;
  }

  /**
   * Sends events until they are accepted.
   *
   * @returns the last refusal, when they were refused so many times
   * @throws when the signal aborts
   */
  async attempt(
    events: readonly OutgoingEvent[],
    signal: AbortSignal,
    refusalsMax: number,
  ): Promise<{ reason: string; attempts: number } | undefined> {
    const { name, observer, limits, random, pause } = this.options;
    let refusals = 0;
    for (let failures = 1; ; failures += 1) {
      signal.throwIfAborted();
      const outcome = await this.deliver(events, signal);
      if (outcome.status === 'accepted') {
        this.note(null);
        return undefined;
      }
      signal.throwIfAborted();
      observer.deliveryFailed(name);
      this.note(outcome.reason);
      if (outcome.status === 'refused') {
        refusals += 1;
        if (refusals >= refusalsMax) return { reason: outcome.reason, attempts: refusals };
      }
      const asked = outcome.status === 'later' ? (outcome.retryAfterMs ?? 0) : 0;
      const ownMs = retryDelayMs(failures, limits.retryDelayMsMax, random);
      await pause(Math.max(ownMs, Math.min(asked, RETRY_AFTER_MS_MAX)), signal);
    }
  }

  /** A sink that rejects, which it must not, has at least not accepted. */
  private async deliver(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<DeliveryOutcome> {
    try {
      return await this.options.sink.deliver(events, signal);
    } catch (error) {
      return { status: 'later', reason: `internal error: ${(error as Error).message}` };
    }
  }

  /** Says once that deliveries fail, and once that they do not any more. */
  private note(problem: string | null): void {
    const { name, logger } = this.options;
    if (this.problem === null && problem !== null)
      logger.warn({ sink: name, reason: problem }, 'events cannot be delivered');
    else if (this.problem !== null && problem === null)
      logger.info({ sink: name }, 'events can be delivered again');
    this.problem = problem;
  }
}
