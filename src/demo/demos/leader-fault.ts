import type { DisturbTarget } from '../host/messages.ts';
import type { Leader } from '../run/cluster-watch.ts';
import { type DemoContext, DemoFailure, type PlannedStep } from '../run/demo.ts';
import { poll } from '../run/poll.ts';
import type { StepRecord } from '../run/run-record.ts';
import { FaultLoad } from './fault-load.ts';
import type { LeaderKind } from './leader-kinds.ts';
import { countDown, duration } from './live.ts';

/** Between saying who is going to be broken and doing it. */
export const COUNTDOWN_SECONDS = 2;

/** An election that takes longer is none. */
const LEADER_TIMEOUT_MS = 20_000;
/** A node on a busy machine takes long to start. */
const BACK_TIMEOUT_MS = 60_000;
/** Whoever relays the run to a node that is going to be broken has to hear of it before. */
const NOTICE_MS = 300;

/** What is done to the leader. */
export interface Breaking {
  /** Of the step. */
  readonly title: string;
  /** `killed`, `frozen`. */
  readonly what: string;
  /** `kill`, `freeze`: `2.1 s after the kill`. */
  readonly noun: string;
  readonly carryOut: (target: DisturbTarget) => Promise<void>;
  /** What it looks like; follows the name. */
  readonly said: string;
}

/**
 * What demonstrations that break a leader share: clients draw, the one that leads is named and broken, another is elected, the broken
 * one comes back, and the clients' answers are counted. Steps are made in this order.
 */
export class LeaderFault<T> {
  private readonly context: DemoContext;
  private readonly kind: LeaderKind<T>;
  private readonly breaking: Breaking;
  private load: FaultLoad | undefined;
  private broken: Leader<T> | undefined;

  constructor(context: DemoContext, kind: LeaderKind<T>, breaking: Breaking) {
    this.context = context;
    this.kind = kind;
    this.breaking = breaking;
  }

  /** Of the clients; from the step {@link draw} on. */
  get clients(): FaultLoad {
    return known(this.load);
  }

  /** Who led, and was broken; from the step {@link breakLeader} on. */
  get victim(): Leader<T> {
    return known(this.broken);
  }

  get target(): DisturbTarget {
    return { kind: this.kind.kind, name: this.name };
  }

  /** Of the victim. */
  get name(): string {
    return this.kind.nameOf(this.victim.who);
  }

  /** @param quietMs how long clients draw before anything is said of the leader */
  draw(quietMs: number): PlannedStep {
    return {
      title: 'Draw from all nodes',
      work: async step => {
        this.load = await FaultLoad.start(step, this.context, quietMs);
      },
    };
  }

  breakLeader(): PlannedStep {
    const { title, carryOut, said } = this.breaking;
    return {
      title,
      work: async step => {
        this.broken = await this.pick(step);
        this.clients.begin(this.kind.kind === 'node' ? this.name : undefined);
        await carryOut(this.target);
        step.say(`${this.name} ${said}`);
      },
    };
  }

  count(): PlannedStep {
    return { title: 'Stop the clients and count', work: step => this.clients.stop(step) };
  }

  /** Waits until somebody is elected anew, perhaps the same one. @throws DemoFailure when nobody is for long */
  async successor(step: StepRecord, signal = this.context.signal): Promise<Leader<T>> {
    const { nameOf, look, leads, leader, meanwhile } = this.kind;
    const found = await awaitLeader(() => look(this.context.watch, this.victim.who), {
      fromTerm: this.victim.term + 1,
      signal,
    });
    const ms = this.clients.sinceFaultMs;
    this.context.record.figure(`new ${leader} seen after`, ms, 'ms');
    const again = nameOf(found.who) === this.name ? ' once more, being back in time' : '';
    step.say(
      `${nameOf(found.who)} ${leads}${again}, seen ${duration(ms)} after the ${this.breaking.noun}; ${meanwhile}.`,
    );
    return found;
  }

  /** Waits until the broken one serves again. @returns what to say of it @throws DemoFailure when it does not */
  async back(): Promise<string> {
    const { watch, signal, record } = this.context;
    const { isUp, noun, serves } = this.kind;
    const up = await poll(async () => ((await isUp(watch, this.victim.who)) ? true : undefined), {
      signal,
      timeoutMs: BACK_TIMEOUT_MS,
    });
    if (up !== true) throw new DemoFailure(`${this.name} does not come back`);
    const ms = this.clients.sinceFaultMs;
    record.figure(`${noun} back after`, ms / 1_000, 's');
    return `${this.name} ${serves}, ${duration(ms)} after the ${this.breaking.noun}.`;
  }

  /** Finds out who leads, and says what will be done to it, in time for all who watch. */
  private async pick(step: StepRecord): Promise<Leader<T>> {
    const { watch, signal, sleep } = this.context;
    const { nameOf, leads } = this.kind;
    const { what } = this.breaking;
    const look = (): ReturnType<typeof this.kind.look> => this.kind.look(watch);
    const name = nameOf((await awaitLeader(look, { signal })).who);
    step.breaks([name]);
    await countDown(this.context, step, {
      seconds: COUNTDOWN_SECONDS,
      text: when => `${name} ${leads}; it will be ${what} ${when}`,
    });
    const now = await awaitLeader(look, { signal });
    const nameNow = nameOf(now.who);
    if (nameNow !== name) {
      step.breaks([nameNow]);
      step.say(`Meanwhile ${nameNow} ${leads}; it will be ${what} instead.`);
      await sleep(NOTICE_MS);
    }
    return now;
  }
}

/** @param options.fromTerm earlier elections do not count @throws DemoFailure when there is none for long */
export async function awaitLeader<T>(
  look: () => Promise<Leader<T> | undefined>,
  { fromTerm = 0, signal }: { readonly fromTerm?: number; readonly signal: AbortSignal },
): Promise<Leader<T>> {
  const found = await poll(
    async () => {
      const leader = await look();
      return leader !== undefined && leader.term >= fromTerm ? leader : undefined;
    },
    { signal, timeoutMs: LEADER_TIMEOUT_MS, intervalMs: 10 },
  );
  if (found === undefined) throw new DemoFailure('nobody leads');
  return found;
}

function known<V>(value: V | undefined): V {
  if (value === undefined) throw new Error('a step was made before those that it needs');
  return value;
}
