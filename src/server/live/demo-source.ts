import type { DemoRun } from '../../demo/demo-run.ts';

/** Where the stream learns of demonstrations. */
export interface DemoSource {
  /** Whether there are any here. */
  readonly available: boolean;
  /** The current run, or the last one; `null` before the first. */
  run(): DemoRun | null;
  /** Calls `listener` whenever something has changed; returns how to stop that. */
  onChange(listener: () => void): () => void;
}

/** A node without demonstrations. */
export const NO_DEMOS: DemoSource = { available: false, run: () => null, onChange: () => () => {} };
