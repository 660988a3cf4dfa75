import type { DemoRun, DemoStep } from '../demo/demo-run.ts';
import type { OutputStream } from './context.ts';
import { describeTimeline, wrap } from './describe-demo.ts';
import type { Look } from './look.ts';

const INDENT = ' '.repeat(7);

/**
 * Tells the steps of a run as they happen, in order: a heading, what came of it line by line, how it ended. On a terminal a line that
 * goes on changing is drawn in place, with the charts below it; elsewhere it is printed at first and at last.
 */
export class DemoProgress {
  private readonly out: OutputStream;
  private readonly look: Look;
  /** Steps before this one are told of. */
  private at = 0;
  private begun = false;
  /** Lines of the step at `at`, as they were printed. */
  private said: string[] = [];
  /** Those before this one were followed by others, and are told of. */
  private settled = 0;
  /** What was drawn to be drawn over, in rows. */
  private rows = 0;

  constructor(out: OutputStream, look: Look) {
    this.out = out;
    this.look = look;
  }

  /** Prints what is new in it. */
  show(run: DemoRun): void {
    const lines: string[] = [];
    for (let step; (step = run.steps[this.at]) !== undefined && step.state !== 'pending';) {
      lines.push(...this.tell(step, run.steps.length));
      if (step.state === 'running') break;
      this.at += 1;
      this.begun = false;
      this.said = [];
      this.settled = 0;
    }
    const drawn = this.look.live && run.state === 'running' ? this.draw(run) : [];
    if (lines.length + drawn.length + this.rows === 0) return;
    // In one piece, or the terminal would flicker.
    this.out.write(`${this.erasure()}${lines.map(line => `${line}\n`).join('')}${drawn.join('\n')}`);
    this.rows = drawn.length;
  }

  /** Takes away what is drawn to be drawn over, before anybody else writes to the terminal. */
  clear(): void {
    if (this.rows > 0) this.out.write(this.erasure());
    this.rows = 0;
  }

  private tell(step: DemoStep, steps: number): string[] {
    const { look } = this;
    const { title, state, detail } = step;
    const number = `${this.at + 1}/${steps}`.padStart(5);
    if (state === 'skipped' && !this.begun && step.startedAt === null)
      return [look.dim(`${number}  ${title}: skipped`)];
    const lines = this.begun ? [] : [`${number}  ${look.bold(title)}`];
    this.begun = true;
    const over = state !== 'running';
    for (const [i, line] of detail.entries()) {
      if (this.said[i] === line) continue;
      const fixed = over || (i < detail.length - 1 && i >= this.settled);
      const first = this.said[i] === undefined && !look.live;
      if (!fixed && !first) continue;
      this.said[i] = line;
      lines.push(...wrap(line, { indent: INDENT, width: look.columns - 1 }));
    }
    this.settled = Math.max(this.settled, detail.length - 1);
    if (over) lines.push(`${INDENT}${this.outcome(step)}`);
    return lines;
  }

  private outcome({ state, startedAt, endedAt }: DemoStep): string {
    const seconds =
      startedAt === null || endedAt === null ? '' : ` (${((endedAt - startedAt) / 1000).toFixed(1)} s)`;
    if (state === 'done') return `${this.look.green('ok')}${this.look.dim(seconds)}`;
    return state === 'failed' ? this.look.red(`FAILED${seconds}`) : `skipped${seconds}`;
  }

  /** What goes on changing: the last line of the step that is under way, and the charts. */
  private draw({ steps, timeline }: DemoRun): string[] {
    const last = steps[this.at]?.detail.at(-1);
    const rows = [
      ...(last === undefined ? [] : [`${INDENT}${last}`]),
      ...(timeline === null ? [] : describeTimeline(timeline, this.look)),
    ];
    // A row that wraps could not be drawn over.
    return rows.map(row => row.slice(0, this.look.columns - 1));
  }

  private erasure(): string {
    return this.rows === 0 ? '' : `\r\x1b[2K${'\x1b[1A\x1b[2K'.repeat(this.rows - 1)}`;
  }
}
