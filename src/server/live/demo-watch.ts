import type { DemoRun } from '../../demo/demo-run.ts';
import type { ClusterEvent } from './live-protocol.ts';

/** Turns the changes of a demonstration's run into events. */
export class DemoWatch {
  private before: DemoRun | undefined;

  /** What happened since the last call. */
  update(run: DemoRun, at: number): ClusterEvent[] {
    const known = this.before?.id === run.id;
    const before = known ? this.before : undefined;
    this.before = run;
    // One that ended before we came.
    if (!known && run.endedAt !== null) return [];
    const events: ClusterEvent[] = [];
    const add = (verb: string, text: string, { of = '', mark = true } = {}): void => {
      events.push({
        id: `demo-${verb}:${run.id}:${of}`,
        category: 'demo',
        at,
        kind: `demo:${verb}`,
        text,
        mark,
      });
    };
    if (before === undefined) add('started', `demonstration "${run.title}" begins`);
    for (const [i, { title, state, breaks }] of run.steps.entries()) {
      const was = before?.steps[i]?.state ?? 'pending';
      if (was === state) continue;
      const of = String(i);
      if (state === 'running') {
        if (breaks.length > 0) add('disturbed', `${title} (${breaks.join(', ')})`, { of });
        else add('step', title, { of, mark: false });
      }
      if (state === 'failed') add('step-failed', `failed: ${title}`, { of, mark: false });
    }
    if (run.endedAt !== null && (before?.endedAt ?? null) === null)
      add('ended', `demonstration "${run.title}" ${run.state}`);
    return events;
  }
}
