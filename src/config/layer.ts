import type { ConfigIssue } from './config-error.ts';
import type { Leaf } from './leaves.ts';

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One setting as one source gives it, not yet validated. */
export interface Entry {
  readonly leaf: Leaf;
  readonly value: unknown;
  /** What the text would have to be, when it could not be read at all; `value` is then that text. */
  readonly problem?: string;
  /** `default`, `file:…`, `env:NAME` or `flag:--x`. */
  readonly source: string;
  /** Where in the file the value, or a part of it, stands. */
  readonly positionOf?: (rest: readonly PropertyKey[]) => Position | undefined;
}

/** What one source says: its settings, and the mistakes that are visible without validating values. */
export interface Layer {
  readonly entries: readonly Entry[];
  readonly issues: readonly ConfigIssue[];
  /** The source could not be read, so what is in force, and rules between settings, cannot be judged. */
  readonly unreadable?: boolean;
}
