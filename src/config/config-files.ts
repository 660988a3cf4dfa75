import { existsSync, readdirSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { ConfigIssue } from './config-error.ts';
import { suggest } from './suggest.ts';
import type { ConfigFile } from './yaml-layer.ts';

/** Where to look for files, and which were asked for. */
export interface FileChoice {
  readonly cwd: string;
  /** The directory that holds the package's own `config/`. */
  readonly packageDirectory: string;
  /** Files named explicitly; relative ones start at `cwd`. Empty: the base file is looked up. */
  readonly explicit: readonly string[];
  readonly profile?: { readonly name: string; readonly source: string } | undefined;
}

/** The files to load, lowest precedence first, and what was wrong in choosing them. */
export interface ChosenFiles {
  readonly files: readonly ConfigFile[];
  readonly issues: readonly ConfigIssue[];
}

/**
 * Chooses the files: `application.yml`, `application-<profile>.yml`, then the explicit ones. Each of the
 * first two is looked up in `config/` of the working directory, then of the package. Explicit files replace
 * `application.yml`, unless a profile is asked for as well.
 */
export function chooseFiles({ cwd, packageDirectory, explicit, profile }: FileChoice): ChosenFiles {
  const directories = [...new Set([join(cwd, 'config'), join(packageDirectory, 'config')])];
  const find = (name: string): ConfigFile[] =>
    directories
      .map(directory => join(directory, name))
      .filter(path => existsSync(path))
      .slice(0, 1)
      .map(path => named(path, cwd));
  const files: ConfigFile[] = [];
  const issues: ConfigIssue[] = [];
  if (explicit.length === 0 || profile !== undefined) files.push(...find('application.yml'));
  if (profile !== undefined) {
    const available = profilesIn(directories);
    if (available.includes(profile.name)) files.push(...find(`application-${profile.name}.yml`));
    else issues.push(unknownProfile(profile.name, profile.source, available));
  }
  files.push(...explicit.map(path => named(resolve(cwd, path), cwd)));
  return { files, issues };
}

function profilesIn(directories: readonly string[]): string[] {
  const names = directories
    .filter(directory => existsSync(directory))
    .flatMap(directory => readdirSync(directory));
  const profiles = names.flatMap(name => /^application-(.+)\.yml$/.exec(name)?.[1] ?? []);
  return [...new Set(profiles)].sort();
}

function unknownProfile(name: string, source: string, available: readonly string[]): ConfigIssue {
  const suggestion = suggest(name, available);
  return {
    code: 'profile',
    path: 'profile',
    message: `must be one of ${available.join(', ') || '(none is available)'}`,
    found: JSON.stringify(name),
    source,
    ...(suggestion !== undefined && { suggestion }),
  };
}

function named(path: string, cwd: string): ConfigFile {
  const short = relative(cwd, path);
  return { path, name: short === '' || short.startsWith('..') || isAbsolute(short) ? path : short };
}
