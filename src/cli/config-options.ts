import { type Command, Option } from 'commander';
import { type Environment, type Flags, loadConfig, type LoadedConfig, SERVE_FLAGS } from '../config/index.ts';

const CONFIG_OPTIONS = SERVE_FLAGS.map(({ flag, path, description }) => ({
  path,
  option: new Option(flag, description),
}));

/** Adds `--config`, `--profile` and an option for each of the commonest settings. */
export function addConfigOptions(command: Command): Command {
  command
    .option('--config <file...>', 'configuration files, later wins (default: config/application.yml)')
    .option('--profile <name>', 'adds config/application-<name>.yml');
  for (const { option } of CONFIG_OPTIONS) command.addOption(option);
  return command;
}

/** Loads the configuration as the options of {@link addConfigOptions} say. @throws ConfigError */
export function loadConfigOf(
  options: Readonly<Record<string, unknown>>,
  { env, cwd }: { env: Environment; cwd: string },
): LoadedConfig {
  const flags: Record<string, Flags[string]> = {};
  for (const { path, option } of CONFIG_OPTIONS) {
    const value = options[option.attributeName()];
    if (typeof value === 'string') flags[path] = value;
  }
  const { profile, config } = options as { profile?: string; config?: string[] };
  return loadConfig({ env, cwd, flags, profile, files: config });
}
