import type { ConfigIssue } from './config-error.ts';
import type { Entry, Layer } from './layer.ts';
import { leafByPath, leaves, type Leaf } from './leaves.ts';
import { flagNameOf } from './serve-flags.ts';
import { suggest } from './suggest.ts';
import { parseText } from './text-value.ts';

/** Environment variables by name, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Flags given, by the setting's dotted path in the file's spelling. A text alone is reported under the name of
 * `SERVE_FLAGS`; undefined means not given.
 */
export type Flags = Readonly<
  Record<string, string | { readonly value: string; readonly flag: string } | undefined>
>;

/** Variables that are not settings: which files and profile to load, and where clients find a server. */
export const RESERVED_ENVIRONMENT = ['SEQD_PROFILE', 'SEQD_CONFIG', 'SEQD_URL'] as const;

/** Names that other programs know a setting by, and our own, which beat them. */
const ALIASES: ReadonlyMap<string, string> = new Map([['DATABASE_URL', 'SEQD_LEDGER_URL']]);

/**
 * The settings in the environment. An empty variable counts as not set, as docker compose passes them. A
 * `SEQD_…` variable that is neither a setting nor in `allowed` is a mistake; its value is not shown.
 */
export function readEnvironmentLayer(env: Environment, allowed: readonly string[]): Layer {
  const known = new Map(leaves.map(leaf => [leaf.env, leaf]));
  const others = new Set<string>([...RESERVED_ENVIRONMENT, ...allowed]);
  const parts = Object.entries(env).map(([name, text]): Layer => {
    const alias = ALIASES.get(name);
    if (alias !== undefined && (env[alias] ?? '') === '') return readAlias(name, alias, text);
    if (!name.startsWith('SEQD_') || others.has(name)) return NOTHING;
    const leaf = known.get(name);
    if (leaf !== undefined) {
      return text === undefined || text === '' ? NOTHING : readText(leaf, text, `env:${name}`);
    }
    const suggestion = suggest(name, [...known.keys(), ...others]);
    return unknown(name, 'unknown variable', `env:${name}`, suggestion);
  });
  return merge(parts);
}

/** The settings given as flags. */
export function readFlagLayer(flags: Flags): Layer {
  const parts = Object.entries(flags).map(([path, given]): Layer => {
    if (given === undefined) return NOTHING;
    const { value, flag } = typeof given === 'string' ? { value: given, flag: flagNameOf(path) } : given;
    const source = `flag:${flag.split(/[ =]/, 1)[0]}`;
    const leaf = leafByPath.get(path);
    if (leaf === undefined) {
      return unknown(path, 'unknown setting', source, suggest(path, leafByPath.keys()));
    }
    return readText(leaf, value, source);
  });
  return merge(parts);
}

const NOTHING: Layer = { entries: [], issues: [] };

function readText(leaf: Leaf, text: string, source: string): Layer {
  const entry: Entry = { leaf, value: text, source, ...parseText(leaf, text) };
  return { entries: [entry], issues: [] };
}

function unknown(path: string, message: string, source: string, suggestion: string | undefined): Layer {
  const issue: ConfigIssue = { code: 'unknown-key', path, message, source };
  return { entries: [], issues: [suggestion === undefined ? issue : { ...issue, suggestion }] };
}

function merge(parts: readonly Layer[]): Layer {
  return {
    entries: parts.flatMap(part => part.entries),
    issues: parts.flatMap(part => part.issues),
  };
}

function readAlias(name: string, alias: string, text: string | undefined): Layer {
  const leaf = leaves.find(({ env }) => env === alias);
  return leaf === undefined || text === undefined || text === ''
    ? NOTHING
    : readText(leaf, text, `env:${name}`);
}
