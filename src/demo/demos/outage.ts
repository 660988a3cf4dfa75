import type { HostMember, HostNode } from '../host/messages.ts';
import { type Demo, type DemoContext, DemoFailure } from '../run/demo.ts';
import { poll } from '../run/poll.ts';
import type { StepRecord } from '../run/run-record.ts';
import { CLIENTS_PARAMETER, FaultLoad } from './fault-load.ts';
import { countDown, duration, plural } from './live.ts';
import { needsThreeMembers } from './obstacles.ts';
import { describeRefusals, isClear, median, nameOf, OutageProbe, type Refusal } from './outage-probe.ts';
import { inputOf } from './vocabulary.ts';

const COUNTDOWN_SECONDS = 2;
const QUIET_MS = 1_500;
const AFTERWARDS_MS = 1_000;
const PROBE_PAUSE_MS = 250;
const RECOVERY_TIMEOUT_MS = 40_000;

/** Nothing can be confirmed for a while. */
export const outage: Demo = {
  name: 'outage',
  title: 'Lose the quorum',
  plan:
    'Clients draw numbers from all nodes. Then all etcd members but one are stopped, so that nothing can be confirmed any more. Every node goes on answering, ' +
    'and says clearly and soon that there is no number now and when to come again. The members are started again: everything goes on by itself, ' +
    'and the very requests that were refused, repeated with their keys, get their numbers.',
  disturbs: 'All etcd members but one are stopped for some seconds: no numbers are issued in that time.',
  seconds: 18,
  parameters: [
    { ...CLIENTS_PARAMETER, default: 8 },
    { name: 'seconds', title: 'Seconds without a quorum', default: 8, minimum: 2, maximum: 20 },
  ],
  obstacle: needsThreeMembers,
  steps: context => {
    let fault: FaultLoad;
    let victims: readonly HostMember[] = [];
    let probe: OutageProbe;
    return [
      {
        title: 'Draw from all nodes',
        work: async step => {
          fault = await FaultLoad.start(step, context, QUIET_MS);
          const input = inputOf(await context.vocabulary(), context.label)(context.cluster.nodes[0]!, 0);
          probe = new OutageProbe(input, `demo:${context.runId}:probe`);
          context.onEnd(() => probe.close());
        },
      },
      {
        title: 'Stop all etcd members but one',
        work: async step => {
          victims = await pickVictims(context);
          step.breaks(victims.map(({ name }) => name));
          const names = victims.map(({ name }) => name).join(' and ');
          await countDown(context, step, {
            seconds: COUNTDOWN_SECONDS,
            text: when =>
              `${names} will be stopped ${when}; one of ${context.cluster.members.length} is no quorum`,
          });
          fault.begin();
          await Promise.all(victims.map(({ name }) => context.disturber.stop({ kind: 'etcd', name })));
          step.say(`${names} are stopped.`);
        },
      },
      { title: 'Ask all the same', work: step => askAllTheSame(step, context, probe) },
      {
        title: 'Start the members again',
        work: async step => {
          await recover(step, context, { fault, victims });
          await context.sleep(AFTERWARDS_MS);
        },
      },
      {
        title: 'Repeat what was refused, with the same keys',
        work: step => repeatRefused(step, context, probe),
      },
      { title: 'Stop the clients and count', work: step => fault.stop(step) },
    ];
  },
};

/** The leader and as many others as leave one: what hurts most. */
async function pickVictims({ cluster, watch }: DemoContext): Promise<HostMember[]> {
  const leader = (await watch.etcdLeader())?.who ?? cluster.members[0]!;
  const others = cluster.members.filter(member => member !== leader);
  return [leader, ...others.slice(0, -1)];
}

async function askAllTheSame(step: StepRecord, context: DemoContext, probe: OutageProbe): Promise<void> {
  const { cluster, record, parameters, sleep } = context;
  const durationMs = parameters['seconds']! * 1_000;
  const startedAtMs = performance.now();
  const askAgainAndAgain = async (node: HostNode): Promise<void> => {
    while (performance.now() - startedAtMs < durationMs) {
      const refusal = await probe.ask(node);
      if (refusal !== undefined && refusal === probe.refusals[0])
        step.say(`${nameOf(refusal)}, after ${duration(refusal.ms)}: “${refusal.detail}”`);
      record.figure('refused', probe.refusals.length);
      await sleep(PROBE_PAUSE_MS);
    }
  };
  await Promise.all(cluster.nodes.map(askAgainAndAgain));
  if (probe.numbers > 0) throw new DemoFailure(`${plural(probe.numbers, 'number')} came without a quorum`);
  for (const line of describeRefusals(probe.refusals, duration)) step.say(line);
  const unclear = probe.refusals.filter(refusal => !isClear(refusal));
  if (unclear.length > 0)
    throw new DemoFailure(
      `${plural(unclear.length, 'request')} of ${probe.refusals.length} was not refused clearly: ${nameOf(unclear[0]!)}`,
    );
  const all = timesOf(probe.refusals);
  record.figure('refused within, half of the requests', median(all), 'ms');
  record.figure('longest until refused', all.at(-1)!, 'ms');
  // The first ones wait for an answer of etcd; by then every node has learned that none will come.
  const late = timesOf(probe.refusals.filter(({ askedAtMs }) => askedAtMs > startedAtMs + durationMs / 2));
  if (late.length === 0) return;
  step.say(
    `Once the nodes know (second half): half within ${duration(median(late))}, the longest ${duration(late.at(-1)!)}.`,
  );
  record.figure('refused within, once known', median(late), 'ms');
}

/** Ascending, milliseconds. */
const timesOf = (refusals: readonly Refusal[]): number[] =>
  refusals.map(({ ms }) => ms).sort((a, b) => a - b);

async function recover(
  step: StepRecord,
  context: DemoContext,
  { fault, victims }: { fault: FaultLoad; victims: readonly HostMember[] },
): Promise<void> {
  const { disturber, watch, signal, record, cluster } = context;
  const startedAtMs = performance.now();
  const before = fault.load.answers;
  await Promise.all(victims.map(({ name }) => disturber.undo({ kind: 'etcd', name })));
  step.say(`${victims.map(({ name }) => name).join(' and ')} are started.`);
  const limits = { signal, timeoutMs: RECOVERY_TIMEOUT_MS, intervalMs: 20 };
  const drawn = await poll(async () => (fault.load.answers > before ? true : undefined), limits);
  if (drawn === undefined) throw new DemoFailure('no number came after the members were started again');
  const firstMs = performance.now() - startedAtMs;
  record.figure('first number after', firstMs, 'ms');
  step.say(`The first number comes ${duration(firstMs)} after that.`);
  const everything = new Set([...cluster.nodes.map(({ id }) => id), ...victims.map(({ name }) => name)]);
  const up = await poll(async () => ((await watch.down(everything)).length === 0 ? true : undefined), limits);
  if (up === undefined) throw new DemoFailure('not all nodes and members serve again');
  record.figure('everything serves after', performance.now() - startedAtMs, 'ms');
  step.say(
    `All nodes and members serve ${duration(performance.now() - startedAtMs)} after that, by themselves.`,
  );
}

/** Each of the refused requests has a key: it gets its one number now, or the one that it got without knowing. */
async function repeatRefused(step: StepRecord, context: DemoContext, probe: OutageProbe): Promise<void> {
  const { client, book, record, cluster } = context;
  const input = inputOf(await context.vocabulary(), context.label)(cluster.nodes[0]!, 0);
  const keys = probe.refusals.map(({ key }) => key);
  const numbers = new Set<number>();
  let replayed = 0;
  await Promise.all(
    keys.map(async key => {
      const answer = await client.next(input, { key });
      book.note(answer.reply);
      numbers.add(answer.reply.sequenceNumber);
      if (answer.replayed) replayed += 1;
    }),
  );
  record.figure('refused requests that got their number', `${numbers.size} of ${keys.length}`);
  step.say(
    `${plural(keys.length, 'refused request')} repeated: ${plural(numbers.size, 'different number')}.`,
  );
  if (replayed > 0)
    step.say(
      `${replayed} of them had been given theirs without knowing (outcome_unknown), and got that one.`,
    );
  if (numbers.size !== keys.length) throw new DemoFailure('two of them were given the same number');
}
