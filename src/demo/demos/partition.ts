import type { HostNode } from '../host/messages.ts';
import type { Leader } from '../run/cluster-watch.ts';
import { type Demo, type DemoContext, DemoFailure } from '../run/demo.ts';
import type { StepRecord } from '../run/run-record.ts';
import { CLIENTS_PARAMETER } from './fault-load.ts';
import { awaitLeader, LeaderFault } from './leader-fault.ts';
import { NODE } from './leader-kinds.ts';
import { duration } from './live.ts';
import { needsPause } from './obstacles.ts';

const QUIET_MS = 1_500;
const AFTERWARDS_MS = 1_000;

/** The leader goes silent, and comes back as if nothing had happened. */
export const partition: Demo = {
  name: 'partition',
  title: 'Pause the leader',
  plan:
    'Clients draw numbers from all nodes. The node that leads is frozen for some seconds (SIGSTOP): for the others it is as if the network had been ' +
    'cut, its connections stay open and say nothing. They go on without it. Then the frozen one goes on, with half-finished work from ' +
    'before, and cannot know yet whether another leads: if so, etcd refuses what it writes, so it harms nothing.',
  disturbs: 'The node that leads is frozen for some seconds.',
  seconds: 12,
  parameters: [
    CLIENTS_PARAMETER,
    { name: 'pauseSeconds', title: 'Seconds frozen', default: 5, minimum: 1, maximum: 20 },
  ],
  obstacle: needsPause,
  steps: context => {
    const fault = new LeaderFault(context, NODE, {
      title: 'Freeze the node that leads',
      what: 'frozen',
      noun: 'freeze',
      carryOut: target => context.disturber.pause(target),
      said: 'is frozen; its connections stay open and say nothing.',
    });
    let successor: Leader<HostNode> | undefined;
    return [
      fault.draw(QUIET_MS),
      fault.breakLeader(),
      {
        title: 'See how the others go on',
        work: async step => {
          successor = await watchOthers(step, context, fault);
        },
      },
      { title: 'Let it go on', work: step => letGoOn(step, context, { fault, successor }) },
      fault.count(),
    ];
  },
};

/** For as long as the pause lasts. @returns who leads instead; `undefined` when the pause was shorter than the others' patience */
async function watchOthers(
  step: StepRecord,
  { parameters, sleep }: DemoContext,
  fault: LeaderFault<HostNode>,
): Promise<Leader<HostNode> | undefined> {
  const patience = new AbortController();
  const elected = fault.successor(step, patience.signal);
  elected.catch(() => {}); // while the pause lasts nobody listens
  try {
    await sleep(parameters['pauseSeconds']! * 1_000);
  } finally {
    patience.abort(new Error('the pause is over'));
  }
  const successor = await elected.catch((error: unknown) => {
    if (error instanceof DemoFailure) throw error;
    step.say('Nobody has taken over in that time.');
    return undefined;
  });
  step.say(`${fault.clients.load.answers.toLocaleString('en')} numbers drawn so far.`);
  return successor;
}

/** Ends the pause, and waits until the node that was frozen knows what has happened meanwhile. */
async function letGoOn(
  step: StepRecord,
  { disturber, watch, signal, sleep }: DemoContext,
  { fault, successor }: { fault: LeaderFault<HostNode>; successor: Leader<HostNode> | undefined },
): Promise<void> {
  const { name, victim } = fault;
  const frozenMs = fault.clients.sinceFaultMs;
  await disturber.undo(fault.target);
  step.say(
    `${name} goes on after ${duration(frozenMs)}` +
      (successor === undefined ? '.' : `, and cannot know yet that ${successor.who.id} leads.`),
  );
  step.say(await fault.back());
  const { who } = await awaitLeader(() => watch.leaderSeenBy(victim.who), {
    fromTerm: (successor ?? victim).term,
    signal,
  });
  step.say(
    who.id === name
      ? `${name} leads${successor === undefined ? ' as before' : ' again'}.`
      : `${who.id} leads; ${name} has seen that, and passes its requests on.`,
  );
  await sleep(AFTERWARDS_MS);
}
