/** What sort of mistake it is. */
export type ConfigIssueCode =
  | 'unknown-key' // a key, variable or flag that does not exist
  | 'invalid-value' // a value that is not allowed
  | 'conflict' // a value that does not fit another one
  | 'yaml-syntax' // a file that is not valid YAML, or repeats a key
  | 'file' // a file that cannot be read
  | 'profile'; // a profile that does not exist

/** One mistake in the configuration. */
export interface ConfigIssue {
  readonly code: ConfigIssueCode;
  /** The dotted key in the file's spelling, the variable's name, or the file; empty for a whole file's content. */
  readonly path: string;
  /** What is wrong and what is allowed, in words, without the value and the source. */
  readonly message: string;
  /** `file:…`, `env:NAME`, `flag:--x` or `default`. */
  readonly source: string;
  /** Line and column in the file, from 1. */
  readonly line?: number;
  readonly column?: number;
  /** The value seen, as JSON, shortened, with credentials hidden. */
  readonly found?: string;
  /** The setting that this one does not fit, and where that one comes from. */
  readonly against?: { readonly path: string; readonly source: string };
  /** What may have been meant: a full key, variable or profile name. */
  readonly suggestion?: string;
}

/**
 * Thrown by `loadConfig` with every mistake at once. `message` is the readable list, one line each;
 * `exitCode` is what a command should end with.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode = 2;
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[]) {
    const count = issues.length === 1 ? '1 mistake' : `${issues.length} mistakes`;
    super([`The configuration has ${count}:`, ...issues.map(issue => `  - ${lineOf(issue)}`)].join('\n'));
    this.issues = issues;
  }
}

function lineOf({ path, message, found, suggestion, against, ...at }: ConfigIssue): string {
  const seen = found === undefined ? '' : `, got ${found}`;
  const other = against === undefined ? '' : `; ${against.path}: ${against.source}`;
  const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  return `${path === '' ? '' : `${path}: `}${message}${seen}${hint} (${placeOf(at)}${other})`;
}

function placeOf({ source, line, column }: Pick<ConfigIssue, 'source' | 'line' | 'column'>): string {
  if (line === undefined) return source;
  return column === undefined ? `${source}:${line}` : `${source}:${line}:${column}`;
}
