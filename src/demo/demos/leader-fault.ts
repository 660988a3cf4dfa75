import type { HostNode } from '../host/messages.ts';
import type { Leader } from '../run/cluster-watch.ts';
import { type DemoContext, DemoFailure } from '../run/demo.ts';
import { poll } from '../run/poll.ts';
import type { StepRecord } from '../run/run-record.ts';
import type { FaultLoad } from './fault-load.ts';
import { countDown, duration } from './live.ts';

/** An election that takes longer is none. */
const LEADER_TIMEOUT_MS = 20_000;
const BACK_TIMEOUT_MS = 40_000;
/** Whoever relays the run to a node that is going to be broken has to hear of it before. */
const NOTICE_MS = 300;

/** How a leader is waited for. */
interface LeaderWait<T> {
  readonly look: () => Promise<Leader<T> | undefined>;
  /** Only one of a later election counts; the broken one may be elected again. */
  readonly after?: Leader<T>;
  readonly signal: AbortSignal;
}

/** @throws DemoFailure when there is none for long */
export async function awaitLeader<T>({ look, after, signal }: LeaderWait<T>): Promise<Leader<T>> {
  const found = await poll(
    async () => {
      const leader = await look();
      return leader !== undefined && leader.term > (after?.term ?? -1) ? leader : undefined;
    },
    { signal, timeoutMs: LEADER_TIMEOUT_MS, intervalMs: 10 },
  );
  if (found === undefined) throw new DemoFailure('nobody leads');
  return found;
}

/**
 * Finds out who leads, and says what will be done to it, in time for all who watch.
 *
 * @param plan.nameOf `what` follows it: `site-2-partition-a leads`
 */
export async function pickLeader<T>(
  step: StepRecord,
  context: DemoContext,
  plan: {
    readonly look: () => Promise<Leader<T> | undefined>;
    readonly nameOf: (who: T) => string;
    /** `leads`, `leads etcd`. */
    readonly leads: string;
    readonly seconds: number;
    /** `killed`, `frozen`. */
    readonly what: string;
  },
): Promise<Leader<T>> {
  const { look, nameOf, leads, seconds, what } = plan;
  const { signal } = context;
  const leader = await awaitLeader({ look, signal });
  const name = nameOf(leader.who);
  step.breaks([name]);
  await countDown(context, step, {
    seconds,
    text: when => `${name} ${leads}; it will be ${what} ${when}`,
  });
  const now = await awaitLeader({ look, signal });
  const nameNow = nameOf(now.who);
  if (nameNow !== name) {
    step.breaks([nameNow]);
    step.say(`Meanwhile ${nameNow} ${leads}; it will be ${what} instead.`);
    await context.sleep(NOTICE_MS);
  }
  return now;
}

/** Waits until a node is elected anew. */
export async function awaitSuccessor(
  step: StepRecord,
  { watch, record }: DemoContext,
  { fault, victim, signal }: { fault: FaultLoad; victim: Leader<HostNode>; signal: AbortSignal },
): Promise<void> {
  const { who } = await awaitLeader({ look: () => watch.leader(victim.who), after: victim, signal });
  const ms = fault.sinceFaultMs;
  record.figure('new leader seen after', ms, 'ms');
  step.say(`${who.id} leads, seen ${duration(ms)} after; until then every node commits by itself.`);
}

/** Waits until a node takes requests again. */
export async function awaitBack(
  { watch, signal, record }: DemoContext,
  { fault, victim }: { fault: FaultLoad; victim: Leader<HostNode> },
): Promise<string> {
  const { who } = victim;
  const up = await poll(async () => ((await watch.isReady(who)) ? true : undefined), {
    signal,
    timeoutMs: BACK_TIMEOUT_MS,
  });
  if (up !== true) throw new DemoFailure(`${who.id} does not come back`);
  record.figure('node back after', fault.sinceFaultMs / 1_000, 's');
  return `${who.id} takes requests again, ${duration(fault.sinceFaultMs)} after.`;
}

/** For {@link pickLeader}: the node that leads the series. */
export function nodePlan(
  { watch }: DemoContext,
  plan: { seconds: number; what: string },
): Parameters<typeof pickLeader<HostNode>>[2] {
  return { ...plan, look: () => watch.leader(), nameOf: ({ id }) => id, leads: 'leads' };
}
