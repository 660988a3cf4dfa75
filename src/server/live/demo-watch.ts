import type { DemoRun } from '../../demo/demo-run.ts';
import type { ClusterEvent } from './live-protocol.ts';

/** A run that is as old as this when it is first seen began while this node was not there. */
const LATE_MS = 2_000;

/** Turns the changes of a demonstration's run into events. */
export class DemoWatch {
  private before: DemoRun | undefined;

  /**
   * What happened since the last call. Of a run that has gone on for a while before this node came, what was before is not told again: the
   * others have told it, at its time.
   *
   * @param at Unix milliseconds
   */
  update(run: DemoRun, at: number): ClusterEvent[] {
    const known = this.before?.id === run.id;
    const before = known ? this.before : undefined;
    this.before = run;
    if (!known && (run.endedAt !== null || at - run.startedAt > LATE_MS)) return [];
    const events: ClusterEvent[] = [];
    const add = (verb: string, text: string, { of = '', mark = true, when = at } = {}): void => {
      events.push({
        id: `demo-${verb}:${run.id}:${of}`,
        category: 'demo',
        at: when,
        kind: `demo:${verb}`,
        text,
        mark,
      });
    };
    if (before === undefined) add('started', `demonstration "${run.title}" begins`);
    for (const [i, { title, state, breaks, endedAt }] of run.steps.entries()) {
      const was = before?.steps[i]?.state ?? 'pending';
      if (was === state) continue;
      const of = String(i);
      if (state === 'running') add('step', title, { of, mark: false });
      // What a step breaks is named some seconds ahead; broken it is when the step is done.
      if (state === 'done' && breaks.length > 0)
        add('disturbed', `${title} (${breaks.join(', ')})`, { of, when: endedAt ?? at });
      if (state === 'failed') add('step-failed', `failed: ${title}`, { of, mark: false });
    }
    if (run.endedAt !== null && (before?.endedAt ?? null) === null)
      add('ended', `demonstration "${run.title}" ${run.state}`);
    return events;
  }
}
