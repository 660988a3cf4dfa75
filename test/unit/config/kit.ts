import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import {
  ConfigError,
  loadConfig,
  type ConfigIssue,
  type LoadConfigOptions,
} from '../../../src/config/index.ts';

const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A new directory with these files, by relative path; removed after the test. */
export function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'seqd-config-'));
  directories.push(directory);
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return directory;
}

/** Options that see nothing but what the test gives: no file of the project, no environment. */
export function isolated(
  files: Readonly<Record<string, string>>,
  options: Partial<LoadConfigOptions> = {},
): LoadConfigOptions {
  const directory = directoryWith(files);
  return { env: {}, flags: {}, cwd: directory, packageDirectory: directory, ...options };
}

/** Options with this text as the only file, called `a.yml`. */
export const withYaml = (text: string, options: Partial<LoadConfigOptions> = {}): LoadConfigOptions =>
  isolated({ 'a.yml': text }, { files: ['a.yml'], ...options });

/** The error that loading ends with. */
export function errorOf(options: LoadConfigOptions): ConfigError {
  try {
    loadConfig(options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('expected the configuration to be refused');
}

/** The mistakes that loading names. */
export const issuesOf = (options: LoadConfigOptions): readonly ConfigIssue[] => errorOf(options).issues;
