import type { DemoRun, DemoStep } from '../demo/demo-run.ts';
import type { OutputStream } from './context.ts';
import { printLines } from './output.ts';

const SIGNS: Readonly<Record<DemoStep['state'], string>> = {
  pending: '  ..',
  running: '  ..',
  done: '  ok',
  failed: '  FAILED',
  skipped: '  skipped',
};

/** Prints the steps of a run as they happen, each line once, or again in its last form if it has changed. */
export class DemoProgress {
  private readonly out: OutputStream;
  private readonly begun = new Set<number>();
  private readonly ended = new Set<number>();
  private readonly said = new Map<string, string>();

  constructor(out: OutputStream) {
    this.out = out;
  }

  /** Prints what is new in it. */
  show({ steps }: DemoRun): void {
    for (const [index, step] of steps.entries()) {
      if (step.state === 'pending' || this.ended.has(index)) continue;
      const over = step.state !== 'running';
      if (!this.begun.has(index) && step.state !== 'skipped') this.say(`${SIGNS.running} ${step.title}`);
      this.begun.add(index);
      for (const [number, line] of step.detail.entries()) {
        const known = this.said.get(`${index} ${number}`);
        // A line that goes on changing is printed at first and at last.
        if (known === line || (known !== undefined && !over)) continue;
        this.said.set(`${index} ${number}`, line);
        this.say(`       ${line}`);
      }
      if (!over) continue;
      this.ended.add(index);
      this.say(`${SIGNS[step.state]} ${step.title}${secondsOf(step)}`);
    }
  }

  private say(line: string): void {
    printLines(this.out, [line]);
  }
}

function secondsOf({ startedAt, endedAt }: DemoStep): string {
  return startedAt === null || endedAt === null ? '' : ` (${((endedAt - startedAt) / 1000).toFixed(1)} s)`;
}
