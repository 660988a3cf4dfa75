import type {
  DemoBucket,
  DemoFigure,
  DemoRun,
  DemoRunState,
  DemoStep,
  DemoTimeline,
  DemoVerification,
} from '../demo-run.ts';

/** More lines than this in a step, and the last one says how many are left out. */
export const LINES_MAX = 40;
const LINE_LENGTH_MAX = 300;

/** What a run is from its beginning. */
export interface RunFacts {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly plan: string;
  readonly parameters: Readonly<Record<string, number>>;
}

/** One run as it goes; tells whoever wants to know whenever something in it changes. */
export class RunRecord {
  readonly facts: RunFacts;
  private readonly changed: () => void;
  private readonly startedAt = Date.now();
  private endedAt: number | null = null;
  private state: DemoRunState = 'running';
  private stepRecords: readonly StepRecord[] = [];
  private readonly figures = new Map<string, DemoFigure>();
  private histogram: readonly DemoBucket[] | null = null;
  private timeline: DemoTimeline | null = null;
  private verification: DemoVerification | null = null;
  private problem: string | null = null;

  constructor(facts: RunFacts, changed: () => void) {
    this.facts = facts;
    this.changed = changed;
  }

  /** Says what is going to be done; once, before anything is. */
  planSteps(titles: readonly string[]): readonly StepRecord[] {
    this.stepRecords = titles.map(title => new StepRecord(title, this.changed));
    this.changed();
    return this.stepRecords;
  }

  /** Adds a figure, or changes the one of that label. Numbers are rounded to three significant digits or to whole ones. */
  figure(label: string, value: number | string, unit = ''): void {
    this.figures.set(label, { label, value: typeof value === 'number' ? readable(value) : value, unit });
    this.changed();
  }

  show(chart: { histogram?: readonly DemoBucket[]; timeline?: DemoTimeline }): void {
    this.histogram = chart.histogram ?? this.histogram;
    this.timeline = chart.timeline ?? this.timeline;
    this.changed();
  }

  verified(verification: DemoVerification): void {
    this.verification = verification;
    this.changed();
  }

  /** Something is not as it should be; of several all are told. */
  fault(problem: string): void {
    this.problem = this.problem === null ? problem : `${this.problem}. ${problem}`;
    this.changed();
  }

  get faulty(): boolean {
    return this.problem !== null;
  }

  get ended(): boolean {
    return this.endedAt !== null;
  }

  end(state: Exclude<DemoRunState, 'running'>): void {
    this.state = state;
    this.endedAt = Date.now();
    this.changed();
  }

  /** As it is now; does not change later. */
  snapshot(): DemoRun {
    return {
      ...this.facts,
      state: this.state,
      startedAt: this.startedAt,
      endedAt: this.endedAt,
      steps: this.stepRecords.map(step => step.snapshot()),
      figures: [...this.figures.values()],
      histogram: this.histogram,
      timeline: this.timeline,
      verification: this.verification,
      problem: this.problem,
    };
  }
}

/** One step of a run: `pending` → start → `running` → end. */
export class StepRecord {
  private readonly title: string;
  private readonly changed: () => void;
  private state: DemoStep['state'] = 'pending';
  private startedAt: number | null = null;
  private endedAt: number | null = null;
  private readonly lines: string[] = [];
  private leftOut = 0;
  private broken: readonly string[] = [];

  constructor(title: string, changed: () => void) {
    this.title = title;
    this.changed = changed;
  }

  start(): void {
    this.state = 'running';
    this.startedAt = Date.now();
    this.changed();
  }

  end(state: 'done' | 'failed' | 'skipped'): void {
    this.state = state;
    if (this.startedAt !== null) this.endedAt = Date.now();
    this.changed();
  }

  /** Adds a line. @returns changes that line */
  say(line: string): (line: string) => void {
    if (this.lines.length >= LINES_MAX) {
      this.leftOut += 1;
      this.changed();
      return () => {};
    }
    const at = this.lines.push('') - 1;
    const set = (text: string): void => {
      this.lines[at] = text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX - 1)}…` : text;
      this.changed();
    };
    set(line);
    return set;
  }

  /** Names what this step is going to break, before it does. */
  breaks(names: readonly string[]): void {
    this.broken = names;
    this.changed();
  }

  snapshot(): DemoStep {
    const { title, state, startedAt, endedAt, leftOut } = this;
    const detail = leftOut === 0 ? [...this.lines] : [...this.lines, `… and ${leftOut} more`];
    return { title, state, startedAt, endedAt, detail, breaks: this.broken };
  }
}

/** 0.0234, 1.23, 12.3, 4711: nobody reads more. */
export function readable(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
