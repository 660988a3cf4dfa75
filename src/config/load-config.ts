import { fileURLToPath } from 'node:url';
import { checkEntries, checkTogether } from './check-entries.ts';
import { ConfigError } from './config-error.ts';
import { chooseFiles } from './config-files.ts';
import { deepFreeze, dictionary } from './deep-freeze.ts';
import { defaultConfig } from './defaults.ts';
import type { Entry, Layer } from './layer.ts';
import { leaves } from './leaves.ts';
import { configSchema, type Config } from './schema.ts';
import { readEnvironmentLayer, readFlagLayer, type Environment, type Flags } from './text-layers.ts';
import { readYamlLayer } from './yaml-layer.ts';

/** Where a setting's value comes from. */
export type ConfigSource = 'default' | `file:${string}` | `env:${string}` | `flag:${string}`;

/** What to load the configuration from. */
export interface LoadConfigOptions {
  /** `--profile`; without it `SEQD_PROFILE`. Adds `application-<profile>.yml`. */
  readonly profile?: string | undefined;
  /** `--config`, repeated, later wins; without any `SEQD_CONFIG`, comma separated. Each must exist. */
  readonly files?: readonly string[] | undefined;
  readonly env: Environment;
  /** By setting; see `SERVE_FLAGS`. */
  readonly flags: Flags;
  /** Base of relative paths; default the working directory. */
  readonly cwd?: string;
  /** Further `SEQD_…` variables that are somebody else's and no mistake. */
  readonly allowedEnvironment?: readonly string[];
  /** Where the package's own `config/` is; for tests. */
  readonly packageDirectory?: string;
}

/** A valid configuration, and where each of its settings comes from. */
export interface LoadedConfig {
  /** Deep-frozen. */
  readonly config: Config;
  /** The source of every setting, by dotted path in the file's spelling, in the schema's order. */
  readonly sources: ReadonlyMap<string, ConfigSource>;
  /** The files read, lowest precedence first, relative to `cwd` where they lie in it. */
  readonly files: readonly string[];
}

/**
 * Loads the configuration: flag over environment over YAML files (later over earlier) over default, setting by
 * setting. A list or an invoice type map is one setting and is replaced as a whole.
 *
 * @throws ConfigError naming every mistake of every source at once
 */
export function loadConfig(options: LoadConfigOptions): LoadedConfig {
  const { env, flags, cwd = process.cwd() } = options;
  const chosen = chooseFiles({
    cwd,
    packageDirectory: options.packageDirectory ?? fileURLToPath(new URL('../..', import.meta.url)),
    explicit: explicitFiles(options),
    profile: profileOf(options),
  });
  const layers: Layer[] = [
    defaultLayer(),
    ...chosen.files.map(readYamlLayer),
    readEnvironmentLayer(env, options.allowedEnvironment ?? []),
    readFlagLayer(flags),
  ];

  const checked = checkEntries(layers.flatMap(layer => layer.entries));
  const complete = chosen.issues.length === 0 && layers.every(layer => layer.unreadable !== true);
  const issues = [
    ...chosen.issues,
    ...layers.flatMap(layer => layer.issues),
    ...checked.issues,
    ...(complete ? checkTogether(checked) : []),
  ];
  if (issues.length > 0) throw new ConfigError(issues);

  const config = configSchema.parse(checked.known);
  config.sequence.invoiceTypes = dictionary(config.sequence.invoiceTypes);
  const sources = leaves.map(
    ({ path }) => [path, (checked.inForce.get(path)?.source ?? 'default') as ConfigSource] as const,
  );
  return {
    config: deepFreeze(config),
    sources: new Map(sources),
    files: chosen.files.map(({ name }) => name),
  };
}

function defaultLayer(): Layer {
  const entries = leaves.map((leaf): Entry => {
    const value = leaf.keys.reduce<unknown>(
      (part, key) => (part as Record<string, unknown>)[key],
      defaultConfig,
    );
    return { leaf, value, source: 'default' };
  });
  return { entries, issues: [] };
}

function explicitFiles({ files, env }: LoadConfigOptions): readonly string[] {
  if (files !== undefined && files.length > 0) return files;
  const listed = (env['SEQD_CONFIG'] ?? '').split(',').map(name => name.trim());
  return listed.filter(name => name !== '');
}

function profileOf({ profile, env }: LoadConfigOptions): { name: string; source: string } | undefined {
  if (profile !== undefined) return { name: profile, source: 'flag:--profile' };
  const name = env['SEQD_PROFILE'];
  return name === undefined || name === '' ? undefined : { name, source: 'env:SEQD_PROFILE' };
}
