import { z } from 'zod';
import { kebabOf } from './keys.ts';
import { configSchema } from './schema.ts';

/** How a setting is written as text, in the environment or a flag. */
export type LeafKind = 'text' | 'number' | 'boolean' | 'list' | 'json';

/** One setting: a key whose value is replaced as a whole. Lists and user-keyed maps are leaves. */
export interface Leaf {
  /** Dotted, in the file's spelling. */
  readonly path: string;
  /** The same path as the typed configuration spells it. */
  readonly keys: readonly string[];
  /** Its environment variable. */
  readonly env: string;
  readonly kind: LeafKind;
  readonly nullable: boolean;
  readonly schema: z.ZodType;
}

/** A map of settings and further sections; `path` is empty for the root. */
export interface Section {
  readonly path: string;
  /** By name in the file's spelling, in schema order. */
  readonly children: ReadonlyMap<string, Section | Leaf>;
}

/** Tells a section from a leaf. */
export const isSection = (item: Section | Leaf): item is Section => 'children' in item;

/** `SEQD_` and the path in upper snake case, without the leading `sequence`. */
export const envNameOf = (path: string): string =>
  `SEQD_${path
    .replace(/^sequence\./, '')
    .replaceAll(/[.-]/g, '_')
    .toUpperCase()}`;

/** All sections and settings, derived from the schema. */
export const rootSection: Section = sectionOf(configSchema, []);

/** Every setting, in schema order. */
export const leaves: readonly Leaf[] = leavesOf(rootSection);

/** Every setting by its dotted path in the file's spelling. */
export const leafByPath: ReadonlyMap<string, Leaf> = new Map(leaves.map(leaf => [leaf.path, leaf]));

function sectionOf(schema: z.ZodObject, keys: readonly string[]): Section {
  const children = new Map<string, Section | Leaf>();
  for (const [key, child] of Object.entries<z.ZodType>(schema.shape)) {
    const childKeys = [...keys, key];
    children.set(
      kebabOf(key),
      child instanceof z.ZodObject ? sectionOf(child, childKeys) : leafOf(child, childKeys),
    );
  }
  return { path: keys.map(kebabOf).join('.'), children };
}

function leafOf(schema: z.ZodType, keys: readonly string[]): Leaf {
  const path = keys.map(kebabOf).join('.');
  const nullable = schema instanceof z.ZodNullable;
  const inner = nullable ? schema.unwrap() : schema;
  return { path, keys, env: envNameOf(path), kind: kindOf(inner), nullable, schema };
}

function kindOf(schema: z.core.$ZodType): LeafKind {
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBoolean) return 'boolean';
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum) return 'text';
  if (schema instanceof z.ZodArray && schema.element instanceof z.ZodString) return 'list';
  return 'json';
}

function leavesOf(section: Section): Leaf[] {
  return [...section.children.values()].flatMap(child => (isSection(child) ? leavesOf(child) : [child]));
}
