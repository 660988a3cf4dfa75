import type { HostMember } from '../host/messages.ts';
import type { Leader } from '../run/cluster-watch.ts';
import { type Demo, DemoFailure } from '../run/demo.ts';
import { poll } from '../run/poll.ts';
import { CLIENTS_PARAMETER, FaultLoad } from './fault-load.ts';
import { awaitLeader, pickLeader } from './leader-fault.ts';
import { duration } from './live.ts';
import { needsThreeMembers } from './obstacles.ts';

const COUNTDOWN_SECONDS = 2;
const AFTERWARDS_MS = 1_000;
const BACK_TIMEOUT_MS = 40_000;

/** The member that orders all writes dies. */
export const etcdFailover: Demo = {
  name: 'etcd-failover',
  title: 'Kill the etcd leader',
  plan:
    'Clients draw numbers from all nodes. In the middle of it the member that leads etcd, which confirms every number, is killed (SIGKILL). The other ' +
    'members elect a new one, which takes etcd a second or two; requests wait for that, or are repeated with the same key. The killed member is ' +
    'started again.',
  disturbs: 'The etcd member that leads is killed, and started again at once.',
  seconds: 12,
  parameters: [
    CLIENTS_PARAMETER,
    { name: 'seconds', title: 'Seconds under load', default: 8, minimum: 5, maximum: 60 },
  ],
  obstacle: needsThreeMembers,
  steps: context => {
    const { watch, signal, record } = context;
    let fault: FaultLoad;
    let victim: Leader<HostMember>;
    const totalMs = context.parameters['seconds']! * 1_000;
    const look = (): Promise<Leader<HostMember> | undefined> => watch.etcdLeader();
    return [
      {
        title: 'Draw from all nodes',
        work: async step => {
          fault = await FaultLoad.start(step, context, totalMs / 2 - COUNTDOWN_SECONDS * 1_000);
        },
      },
      {
        title: 'Kill the member that leads etcd',
        work: async step => {
          victim = await pickLeader(step, context, {
            look,
            nameOf: ({ name }) => name,
            leads: 'leads etcd',
            seconds: COUNTDOWN_SECONDS,
            what: 'killed',
          });
          const { name } = victim.who;
          fault.begin();
          await context.disturber.kill({ kind: 'etcd', name });
          step.say(`${name} was killed with commits under way.`);
        },
      },
      {
        title: 'See how etcd elects another',
        work: async step => {
          const { who } = await awaitLeader({ look, after: victim, signal });
          const ms = fault.sinceFaultMs;
          record.figure('new etcd leader seen after', ms, 'ms');
          const again = who.name === victim.who.name ? ' once more, being back in time' : '';
          step.say(`${who.name} leads etcd${again}, seen ${duration(ms)} after.`);
        },
      },
      {
        title: 'Wait until the killed member is back',
        work: async step => {
          const up = await poll(async () => ((await watch.isServing(victim.who)) ? true : undefined), {
            signal,
            timeoutMs: BACK_TIMEOUT_MS,
          });
          if (up !== true) throw new DemoFailure(`${victim.who.name} does not come back`);
          record.figure('member back after', fault.sinceFaultMs / 1_000, 's');
          step.say(`${victim.who.name} serves again, ${duration(fault.sinceFaultMs)} after.`);
          await context.sleep(Math.max(AFTERWARDS_MS, totalMs - fault.elapsedMs));
        },
      },
      { title: 'Stop the clients and count', work: step => fault.stop(step) },
    ];
  },
};
