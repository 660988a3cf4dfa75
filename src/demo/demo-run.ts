// What people and programs see of demonstrations: the catalogue, and one run as it goes (docs/demos.md).

/** A demonstration that can be run. */
export interface DemoDescription {
  /** In the address and for `seqd demo`: `load-test`. */
  readonly name: string;
  readonly title: string;
  /** What it is going to do, in two or three sentences, before anything is done. */
  readonly plan: string;
  /** What it breaks for a while, for people; empty for those that only use the API. */
  readonly disturbs: string;
  /** About how long it takes with the defaults. */
  readonly seconds: number;
  readonly parameters: readonly DemoParameter[];
  /** Why it cannot be run here (Windows cannot pause a process); `null` when it can. */
  readonly unavailable: string | null;
}

/** A whole number that a run can be given. */
export interface DemoParameter {
  /** camelCase, as in the address: `requestsPerThread`. */
  readonly name: string;
  readonly title: string;
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** `verifying` belongs to `running`; a run ends as one of the other three. */
export type DemoRunState = 'running' | 'passed' | 'failed' | 'cancelled';

/** One run, whole; sent again whenever something in it changes. Times are Unix milliseconds. */
export interface DemoRun {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly plan: string;
  readonly state: DemoRunState;
  readonly parameters: Readonly<Record<string, number>>;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly steps: readonly DemoStep[];
  /** What it measured, in the order to show; some are live while it runs. */
  readonly figures: readonly DemoFigure[];
  readonly histogram: readonly DemoBucket[] | null;
  readonly timeline: DemoTimeline | null;
  /** The proof at the end: the whole series, every number accounted for exactly once. */
  readonly verification: DemoVerification | null;
  /** Why it failed, or what remains broken; `null` when all is well. */
  readonly problem: string | null;
}

export interface DemoStep {
  readonly title: string;
  readonly state: 'pending' | 'running' | 'done' | 'failed' | 'skipped';
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** What came of it, for people; lines. */
  readonly detail: readonly string[];
  /** Node ids and member names that this step breaks; they are restored before the run ends. */
  readonly breaks: readonly string[];
}

export interface DemoFigure {
  readonly label: string;
  readonly value: number | string;
  /** `ms`, `/s`, `x`; empty for plain numbers and texts. */
  readonly unit: string;
}

/** Requests that took at most `upToMs`, and longer than the bucket before; the last bucket's is `null`: without an end. */
export interface DemoBucket {
  readonly upToMs: number | null;
  readonly count: number;
}

/** Something measured in steps of time, side by side. */
export interface DemoTimeline {
  readonly stepMs: number;
  readonly unit: string;
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export interface DemoVerification {
  readonly complete: boolean;
  readonly first: number;
  readonly last: number;
  readonly issued: number;
  readonly pooled: number;
  readonly void: number;
  readonly reserved: number;
  readonly imported: number;
  readonly holes: number;
  readonly chain: string;
  readonly revision: number;
  /** What is wrong, when it is not complete. */
  readonly problems: readonly string[];
  readonly ms: number;
}

/** Answer of `GET /api/v1/demo`. */
export interface DemoCatalogue {
  readonly demos: readonly DemoDescription[];
  readonly current: DemoRun | null;
  /** Ended ones, newest first, at most 10. */
  readonly last: readonly DemoRun[];
}
