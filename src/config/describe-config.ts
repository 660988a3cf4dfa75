import { Scalar, stringify } from 'yaml';
import { isSection, rootSection, type Leaf, type Section } from './leaves.ts';
import type { ConfigSource, LoadedConfig } from './load-config.ts';
import type { Config } from './schema.ts';
import { hideSecretsOf } from './secrets.ts';

/**
 * The configuration as YAML for people, ending in a newline: every setting on its own line with its source as a
 * comment, secrets hidden. Without secrets it can be loaded again and gives the same configuration.
 */
export function describeConfig({ config, sources, files }: LoadedConfig): string {
  const header = files.length === 0 ? '# no file' : `# files, later wins: ${files.map(oneLine).join(', ')}`;
  return [header, ...linesOf(rootSection, config, sources), ''].join('\n');
}

/** The configuration as a program reads it (`--json`). */
export interface ConfigObject {
  /** Nested, in the file's spelling, secrets hidden. */
  readonly config: Readonly<Record<string, unknown>>;
  /** By dotted path. */
  readonly sources: Readonly<Record<string, ConfigSource>>;
  readonly files: readonly string[];
}

/** The configuration with its sources as one plain object for JSON, secrets hidden. */
export function configAsObject({ config, sources, files }: LoadedConfig): ConfigObject {
  return { config: objectOf(rootSection, config), sources: Object.fromEntries(sources), files };
}

function linesOf(section: Section, config: Config, sources: LoadedConfig['sources']): string[] {
  const depth = section.path === '' ? 0 : section.path.split('.').length;
  const indent = '  '.repeat(depth);
  const lines: string[] = [];
  for (const [name, child] of section.children) {
    if (isSection(child)) {
      lines.push(`${indent}${name}:`, ...linesOf(child, config, sources));
    } else {
      const source = oneLine(sources.get(child.path) ?? 'default');
      lines.push(`${indent}${name}: ${inlineYaml(shownValue(child, config))} # ${source}`);
    }
  }
  return lines;
}

function objectOf(section: Section, config: Config): Record<string, unknown> {
  return Object.fromEntries(
    [...section.children].map(([name, child]) => [
      name,
      isSection(child) ? objectOf(child, config) : shownValue(child, config),
    ]),
  );
}

function shownValue(leaf: Leaf, config: Config): unknown {
  const value = leaf.keys.reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], config);
  return hideSecretsOf(leaf.path, value);
}

// Only the line break goes: `trimEnd` would take more kinds of space than YAML knows as such, and quotes for.
const inlineYaml = (value: unknown): string =>
  stringify(hasInvisibleEdge(value) ? quoted(value) : value, {
    collectionStyle: 'flow',
    flowCollectionPadding: false,
    blockQuote: false,
    lineWidth: 0,
  }).replace(/\n$/, '');

/** What a person could not tell from the text without it, or a byte order mark, which a YAML reader may drop. */
const hasInvisibleEdge = (value: unknown): value is string =>
  typeof value === 'string' && (value !== value.trim() || value.includes('\ufeff'));

const quoted = (value: string): Scalar<string> => {
  const scalar = new Scalar(value);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
};

/** A file name may hold a line break, which would end the comment. */
const oneLine = (text: string): string => text.replaceAll(/\p{Cc}/gu, '?');
