import { Load } from '../load/load.ts';
import { RateTimeline } from '../load/rate-timeline.ts';
import { type DemoContext, DemoFailure } from '../run/demo.ts';
import type { StepRecord } from '../run/run-record.ts';
import { duration, plural, showLive } from './live.ts';
import { inputOf } from './vocabulary.ts';

/** Short enough that a dip of a tenth of a second shows. */
const STEP_MS = 100;
/** Clients do something with their number before they ask for the next; without that, they would only fight for the processor. */
const PAUSE_MS = 2;
/** Connections are opened, and nodes that had nothing to do wake up. */
const WARMUP_MS = 500;
const ALL = 'all nodes';
const RATE = 'numbers a second';

/** The parameters that demonstrations with such load have. */
export const CLIENTS_PARAMETER = {
  name: 'clients',
  title: 'Clients that draw',
  default: 16,
  // So that some are left whichever node is the broken one.
  minimum: 4,
  maximum: 64,
} as const;

/** Clients that draw numbers over all nodes while something is broken, and what they notice of it. */
export class FaultLoad {
  readonly load: Load;
  private readonly context: DemoContext;
  private readonly startedAtMs = performance.now();
  private readonly timeline: RateTimeline;
  private faultAtMs: number | undefined;
  private quietGapMs = 0;
  private victim: string | undefined;
  private stopShowing = (): void => {};
  private lastAnswers = { count: 0, atMs: this.startedAtMs };

  private constructor(context: DemoContext, inputFor: ReturnType<typeof inputOf>) {
    this.context = context;
    const { cluster, parameters, runId, signal, book } = context;
    const names = cluster.nodes.length > 1 ? [ALL, ...cluster.nodes.map(({ id }) => id)] : [ALL];
    this.timeline = new RateTimeline(names, { startMs: this.startedAtMs, stepMs: STEP_MS });
    this.load = new Load({
      clients: parameters['clients']!,
      nodes: cluster.nodes,
      inputFor,
      keyPrefix: `demo:${runId}`,
      signal,
      pauseMs: PAUSE_MS,
      onAnswer: (reply, { home }, { returnedAtMs }) => {
        book.note(reply);
        this.timeline.add(ALL, returnedAtMs);
        if (names.length > 1) this.timeline.add(home.id, returnedAtMs);
      },
    });
  }

  /** Starts the clients, and lets them draw for a while undisturbed. */
  static async start(step: StepRecord, context: DemoContext, quietMs: number): Promise<FaultLoad> {
    const { cluster, parameters, label } = context;
    const fault = new FaultLoad(context, inputOf(await context.vocabulary(), label));
    step.say(
      `${plural(parameters['clients']!, 'client')} draw numbers one after the other, each from the node of its own site ` +
        `(${plural(cluster.nodes.length, 'node')}), and by the retry rule from another when that fails.`,
    );
    fault.load.start();
    context.onEnd(() => fault.load.stop());
    fault.stopShowing = showLive(context, () => fault.show());
    await context.sleep(Math.min(WARMUP_MS, quietMs / 3));
    fault.load.beginWindow();
    await context.sleep(Math.max(quietMs - WARMUP_MS, (2 * quietMs) / 3));
    if (fault.load.answers === 0) throw new DemoFailure('no client was given a number');
    const { p50, p99 } = fault.load.latency.percentiles();
    step.say(
      `${plural(Math.round(fault.load.rate), 'number')} a second; half within ${duration(p50)}, 99 % within ${duration(p99)}.`,
    );
    return fault;
  }

  /** Milliseconds since the clients started. */
  get elapsedMs(): number {
    return performance.now() - this.startedAtMs;
  }

  /** Milliseconds since the fault. */
  get sinceFaultMs(): number {
    return performance.now() - (this.faultAtMs ?? performance.now());
  }

  /** From here on gaps count as the fault's. @param victim id of the node whose clients have to go elsewhere, if it is one */
  begin(victim?: string): void {
    this.quietGapMs = this.load.longestGap() ?? 0;
    this.faultAtMs = performance.now();
    this.victim = victim;
    this.load.beginWindow();
  }

  /** The longest that clients of nodes that nothing was done to went without an answer, milliseconds. */
  get survivorsGapMs(): number {
    return this.load.longestGap(({ home }) => home.id !== this.victim) ?? 0;
  }

  /** Stops the clients and tells what they noticed. @throws DemoFailure when one was not given its number */
  async stop(step: StepRecord): Promise<void> {
    await this.load.stop();
    this.stopShowing();
    this.context.signal.throwIfAborted();
    // Only now: a client that still waited for its answer when the others stopped had the longest gap of all.
    const survivors = this.survivorsGapMs;
    const all = this.load.longestGap() ?? 0;
    this.showGaps(survivors, all);
    this.context.record.figure(RATE, this.load.rate, '/s');
    const { answers, retries, failures, errors } = this.load;
    if (this.victim === undefined) step.say(`Longest gap ${duration(all)} (any client).`);
    else {
      step.say(`Longest gap ${duration(survivors)} (clients of surviving nodes).`);
      step.say(
        `Longest gap ${duration(all)} (clients of ${this.victim}, who had to go elsewhere, included).`,
      );
    }
    step.say(`Before that, undisturbed, it was ${duration(this.quietGapMs)}.`);
    step.say(
      `${plural(answers, 'number')} drawn; ${plural(retries, 'repetition')} with the same key, ${failures} given up.`,
    );
    if (failures > 0) throw new DemoFailure(`${plural(failures, 'request')} failed: ${errors.join('; ')}`);
  }

  private show(): void {
    const { record } = this.context;
    const { answers, retries, failures } = this.load;
    const now = performance.now();
    const { count, atMs } = this.lastAnswers;
    if (now - atMs > 200) {
      record.figure(RATE, ((answers - count) * 1_000) / (now - atMs), '/s');
      this.lastAnswers = { count: answers, atMs: now };
    }
    record.figure('numbers drawn', answers);
    if (this.faultAtMs !== undefined) this.showGaps(this.survivorsGapMs, this.load.longestGap() ?? 0);
    record.figure('repetitions', retries);
    record.figure('requests given up', failures);
    record.show({ timeline: this.timeline.view(now), histogram: this.load.latency.buckets() });
  }

  private showGaps(survivors: number, all: number): void {
    const { record } = this.context;
    if (this.victim !== undefined) record.figure('longest gap, clients of surviving nodes', survivors, 'ms');
    record.figure('longest gap, any client', all, 'ms');
    record.figure('longest gap before', this.quietGapMs, 'ms');
  }
}
