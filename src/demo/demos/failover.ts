import type { HostNode } from '../host/messages.ts';
import type { Leader } from '../run/cluster-watch.ts';
import type { Demo } from '../run/demo.ts';
import { CLIENTS_PARAMETER, FaultLoad } from './fault-load.ts';
import { awaitBack, awaitSuccessor, nodePlan, pickLeader } from './leader-fault.ts';
import { needsTwoNodes } from './obstacles.ts';

const COUNTDOWN_SECONDS = 2;
/** After the last thing that happened, so that it shows. */
const AFTERWARDS_MS = 1_000;

/** The node that commits all numbers dies. */
export const failover: Demo = {
  name: 'failover',
  title: 'Kill the leader',
  plan:
    'Clients draw numbers from all nodes. In the middle of it the node that leads, through which all numbers go, is killed (SIGKILL), as if ' +
    'its machine had lost power. Every other node commits by itself until one of them leads; the killed one is started again. Measured is the ' +
    'longest time that any client went without an answer.',
  disturbs: 'The node that leads is killed, and started again at once.',
  seconds: 12,
  parameters: [
    CLIENTS_PARAMETER,
    { name: 'seconds', title: 'Seconds under load', default: 8, minimum: 4, maximum: 60 },
  ],
  obstacle: needsTwoNodes,
  steps: context => {
    let fault: FaultLoad;
    let victim: Leader<HostNode>;
    let back: Promise<string>;
    const totalMs = context.parameters['seconds']! * 1_000;
    return [
      {
        title: 'Draw from all nodes',
        work: async step => {
          fault = await FaultLoad.start(step, context, totalMs / 2 - COUNTDOWN_SECONDS * 1_000 + 500);
        },
      },
      {
        title: 'Kill the node that leads',
        work: async step => {
          victim = await pickLeader(
            step,
            context,
            nodePlan(context, { seconds: COUNTDOWN_SECONDS, what: 'killed' }),
          );
          const { id } = victim.who;
          fault.begin(victim.who);
          await context.disturber.kill({ kind: 'node', name: id });
          step.say(`${id} was killed with requests under way.`);
          back = awaitBack(context, { fault, victim });
          back.catch(() => {}); // the step after next waits for it
        },
      },
      {
        title: 'See how the others go on',
        work: async step => {
          await awaitSuccessor(step, context, { fault, victim, signal: context.signal });
          await context.sleep(Math.max(0, totalMs - AFTERWARDS_MS - fault.elapsedMs));
        },
      },
      {
        title: 'Wait until the killed node is back',
        work: async step => {
          step.say(await back);
          await context.sleep(AFTERWARDS_MS);
        },
      },
      { title: 'Stop the clients and count', work: step => fault.stop(step) },
    ];
  },
};
