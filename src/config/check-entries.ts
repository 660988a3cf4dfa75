import { z } from 'zod';
import type { ConfigIssue } from './config-error.ts';
import { crossMistakes, type KnownConfig } from './cross-checks.ts';
import { camelKeys, joinPath } from './keys.ts';
import type { Entry } from './layer.ts';
import { HIDDEN, isSecret, showValue } from './secrets.ts';
import { suggest } from './suggest.ts';

/** The result of validating what all sources say. */
export interface CheckedEntries {
  /** The entry in force for each setting, by path. */
  readonly inForce: ReadonlyMap<string, Entry>;
  /** The settings in force whose value is allowed, nested, in the typed spelling. */
  readonly known: KnownConfig;
  readonly issues: readonly ConfigIssue[];
}

/**
 * Validates every entry by itself, lowest precedence first; the last one of a setting is in force. One that is
 * overridden is validated too: it is a mistake waiting for the day the override goes.
 */
export function checkEntries(entries: readonly Entry[]): CheckedEntries {
  const inForce = new Map(entries.map(entry => [entry.leaf.path, entry]));
  const known: KnownConfig = {};
  const issues: ConfigIssue[] = [];
  for (const entry of entries) {
    const found = issuesOf(entry);
    issues.push(...found);
    if (found.length === 0 && inForce.get(entry.leaf.path) === entry) put(known, entry);
  }
  return { inForce, known, issues };
}

/** The mistakes between settings in force, as far as these are known. */
export function checkTogether({ known, inForce }: CheckedEntries): ConfigIssue[] {
  return crossMistakes(known).flatMap(({ path, allowed, against }): ConfigIssue[] => {
    const entry = inForce.get(path);
    const other = inForce.get(against);
    if (entry === undefined || other === undefined) return []; // cannot be: every setting has a default
    const issue: ConfigIssue = {
      code: 'conflict',
      path,
      message: `must be ${allowed}`,
      found: isSecret(path) ? HIDDEN : showValue(entry.value, entry.value),
      source: entry.source,
      against: { path: against, source: other.source },
    };
    return [Object.assign(issue, entry.positionOf?.([]))];
  });
}

function issuesOf(entry: Entry): ConfigIssue[] {
  const { leaf, value, source } = entry;
  const proto = protoPath(value, []);
  const issues: ConfigIssue[] = [];
  const seen = new Set<string>();
  const add = (
    rest: readonly PropertyKey[],
    issue: Pick<ConfigIssue, 'code' | 'message' | 'found' | 'suggestion'>,
  ): void => {
    const path = joinPath(leaf.path, rest);
    const same = `${path} ${issue.message}`;
    if (seen.has(same)) return; // one mistake can fail several checks that say the same
    seen.add(same);
    const hidden = isSecret(leaf.path) ? { found: HIDDEN } : {};
    issues.push({ path, source, ...issue, ...hidden, ...entry.positionOf?.(rest) });
  };
  if (entry.problem !== undefined) {
    add([], { code: 'invalid-value', message: `must be ${entry.problem}`, found: showValue(value, value) });
    return issues;
  }
  // zod passes over a key called __proto__ in a record.
  if (proto !== undefined) add(proto, { code: 'unknown-key', message: 'unknown key' });
  for (const issue of leaf.schema.safeParse(value).error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys') {
      const siblings = keysAt(leaf.schema, issue.path);
      for (const key of issue.keys) {
        const meant = suggest(key, siblings);
        const suggestion = meant === undefined ? undefined : joinPath(leaf.path, [...issue.path, meant]);
        add([...issue.path, key], {
          code: 'unknown-key',
          message: 'unknown key',
          ...(suggestion !== undefined && { suggestion }),
        });
      }
    } else {
      const wrongKey = issue.code === 'custom' && issue.params?.['wrongKey'] === true;
      const part = wrongKey ? issue.path.at(-1) : valueAt(value, issue.path);
      add(issue.path, {
        code: 'invalid-value',
        message: `must be ${issue.message}`,
        found: showValue(part, value),
      });
    }
  }
  return issues;
}

function put(known: object, { leaf, value }: Entry): void {
  let target = known as Record<string, unknown>;
  const keys = camelKeys(leaf.path);
  for (const key of keys.slice(0, -1)) target = (target[key] ??= {}) as Record<string, unknown>;
  target[keys.at(-1) ?? ''] = value;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (part, key) =>
      typeof part === 'object' && part !== null ? (part as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/** The keys an object inside a setting may have. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const [key, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Record<string, z.ZodType>;
    const child = shape[String(key)];
    return key === undefined ? Object.keys(shape) : child === undefined ? [] : keysAt(child, rest);
  }
  return schema instanceof z.ZodArray ? keysAt(schema.element, rest) : [];
}

function protoPath(value: unknown, path: readonly PropertyKey[]): readonly PropertyKey[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.hasOwn(value, '__proto__')) return [...path, '__proto__'];
  for (const [key, item] of Object.entries(value)) {
    const found = protoPath(item, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
