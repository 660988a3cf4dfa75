import type { HostNode } from '../host/messages.ts';
import type { Leader } from '../run/cluster-watch.ts';
import type { Demo } from '../run/demo.ts';
import { CLIENTS_PARAMETER, FaultLoad } from './fault-load.ts';
import { awaitBack, awaitLeader, awaitSuccessor, nodePlan, pickLeader } from './leader-fault.ts';
import { duration } from './live.ts';
import { needsPause } from './obstacles.ts';

const COUNTDOWN_SECONDS = 2;
const QUIET_MS = 1_500;
const AFTERWARDS_MS = 1_000;

/** The leader goes silent, and comes back as if nothing had happened. */
export const partition: Demo = {
  name: 'partition',
  title: 'Pause the leader',
  plan:
    'Clients draw numbers from all nodes. The node that leads is frozen for some seconds (SIGSTOP): for the others it is as if the network had been ' +
    'cut, its connections stay open and say nothing. They go on without it. Then the frozen one goes on, with half-finished work from ' +
    'before, and still believes that it leads: etcd refuses what it writes, so it harms nothing.',
  disturbs: 'The node that leads is frozen for some seconds.',
  seconds: 12,
  parameters: [
    CLIENTS_PARAMETER,
    { name: 'pauseSeconds', title: 'Seconds frozen', default: 5, minimum: 1, maximum: 20 },
  ],
  obstacle: needsPause,
  steps: context => {
    let fault: FaultLoad;
    let victim: Leader<HostNode>;
    const pauseMs = context.parameters['pauseSeconds']! * 1_000;
    const target = (): { kind: 'node'; name: string } => ({ kind: 'node', name: victim.who.id });
    return [
      {
        title: 'Draw from all nodes',
        work: async step => {
          fault = await FaultLoad.start(step, context, QUIET_MS);
        },
      },
      {
        title: 'Freeze the node that leads',
        work: async step => {
          victim = await pickLeader(
            step,
            context,
            nodePlan(context, { seconds: COUNTDOWN_SECONDS, what: 'frozen' }),
          );
          fault.begin(victim.who);
          await context.disturber.pause(target());
          step.say(`${victim.who.id} is frozen; its connections stay open and say nothing.`);
        },
      },
      {
        title: 'See how the others go on',
        work: async step => {
          // A pause that is shorter than the others' patience ends before anybody takes over.
          const patience = new AbortController();
          const successor = awaitSuccessor(step, context, { fault, victim, signal: patience.signal });
          successor.catch(() => {});
          try {
            await context.sleep(pauseMs);
          } finally {
            patience.abort(new Error('the pause is over'));
          }
          await successor.catch(() => step.say('Nobody has taken over in that time.'));
          const answers = fault.load.answers;
          step.say(`${answers.toLocaleString('en')} numbers drawn so far.`);
        },
      },
      {
        title: 'Let it go on',
        work: async step => {
          const frozenMs = fault.sinceFaultMs;
          await context.disturber.undo(target());
          step.say(`${victim.who.id} goes on after ${duration(frozenMs)}, and still believes that it leads.`);
          step.say(await awaitBack(context, { fault, victim }));
          const { watch, signal } = context;
          const { who } = await awaitLeader({ look: () => watch.leader(), signal });
          step.say(
            who.id === victim.who.id
              ? `${who.id} leads again.`
              : `${who.id} leads; ${victim.who.id} has seen that, and passes its requests on.`,
          );
          await context.sleep(AFTERWARDS_MS);
        },
      },
      { title: 'Stop the clients and count', work: step => fault.stop(step) },
    ];
  },
};
