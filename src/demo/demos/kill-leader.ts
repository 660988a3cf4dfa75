import type { DemoContext, PlannedStep } from '../run/demo.ts';
import { COUNTDOWN_SECONDS, LeaderFault } from './leader-fault.ts';
import type { LeaderKind } from './leader-kinds.ts';

/** Clients must have drawn for a while before, or there is nothing to compare with. */
const QUIET_MS_MIN = 500;
/** After the last thing that happened, so that it shows. */
const AFTERWARDS_MS = 1_000;

/** Kills the one that leads in the middle of `seconds` (a parameter) under load, and waits until it is back. */
export function killLeader<T>(
  context: DemoContext,
  kind: LeaderKind<T>,
  texts: { readonly title: string; readonly aftermath: string; readonly said: string },
): readonly PlannedStep[] {
  const totalMs = context.parameters['seconds']! * 1_000;
  const fault = new LeaderFault(context, kind, {
    title: texts.title,
    what: 'killed',
    noun: 'kill',
    carryOut: target => context.disturber.kill(target),
    said: texts.said,
  });
  let back: Promise<string>;
  return [
    fault.draw(Math.max(QUIET_MS_MIN, totalMs / 2 - COUNTDOWN_SECONDS * 1_000)),
    fault.breakLeader(),
    {
      title: texts.aftermath,
      work: async step => {
        // It may be back before another is elected.
        back = fault.back();
        back.catch(() => {}); // the next step waits for it
        await fault.successor(step);
      },
    },
    {
      title: `Wait until the killed ${kind.noun} is back`,
      work: async step => {
        step.say(await back);
        await context.sleep(Math.max(AFTERWARDS_MS, totalMs - fault.clients.elapsedMs));
      },
    },
    fault.count(),
  ];
}
