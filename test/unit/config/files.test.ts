import { resolve } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, defaultConfig, loadConfig } from '../../../src/config/index.ts';
import { leaves } from '../../../src/config/leaves.ts';
import { directoryWith, errorOf, isolated, issuesOf, withYaml } from './kit.ts';

const project = resolve(import.meta.dirname, '../../..');
const shipped = { env: {}, flags: {}, cwd: project };

describe('shipped files', () => {
  test('application.yml names every setting and teaches the real default', () => {
    const { config, sources, files } = loadConfig(shipped);
    expect(config).toEqual(defaultConfig);
    expect(files).toEqual(['config/application.yml']);
    const missing = leaves.filter(({ path }) => sources.get(path) === 'default');
    expect(missing.map(({ path }) => path)).toEqual([]);
  });

  test('profile poc is valid and makes one node', () => {
    const { config, files } = loadConfig({ ...shipped, profile: 'poc' });
    expect(files).toEqual(['config/application.yml', 'config/application-poc.yml']);
    expect(config.node).toMatchObject({ site: 'site-1', partition: 'partition-a' });
  });

  test('profile ha-poc is valid for each of its two by two nodes', () => {
    for (const site of ['site-1', 'site-2']) {
      for (const partition of ['partition-a', 'partition-b']) {
        const flags = { 'node.site': site, 'node.partition': partition };
        const { config } = loadConfig({ ...shipped, profile: 'ha-poc', flags });
        expect(config.node).toMatchObject({ site, partition });
        expect(config.sequence.sites).toHaveLength(2);
      }
    }
  });

  test('the package provides base and profile where the working directory has none', () => {
    const { files } = loadConfig({ env: {}, flags: {}, cwd: directoryWith({}), profile: 'poc' });
    expect(files).toEqual([
      resolve(project, 'config/application.yml'),
      resolve(project, 'config/application-poc.yml'),
    ]);
  });
});

describe('choosing files', () => {
  test('the working directory goes before the package', () => {
    const packageDirectory = directoryWith({ 'config/application.yml': 'server: {port: 1}' });
    const cwd = directoryWith({ 'config/application.yml': 'server: {port: 2}' });
    const { config } = loadConfig({ env: {}, flags: {}, cwd, packageDirectory });
    expect(config.server.port).toBe(2);
  });

  test('an explicit file replaces the base, and is added to base and profile when a profile is given', () => {
    const options = isolated({
      'config/application.yml': '',
      'config/application-p.yml': '',
      'own.yml': '',
    });
    expect(loadConfig({ ...options, files: ['own.yml'] }).files).toEqual(['own.yml']);
    expect(loadConfig({ ...options, files: ['own.yml'], profile: 'p' }).files).toEqual([
      'config/application.yml',
      'config/application-p.yml',
      'own.yml',
    ]);
  });

  test('SEQD_CONFIG and SEQD_PROFILE stand for the flags, and flags win over them', () => {
    const options = isolated(
      { 'config/application-p.yml': '', 'config/application-q.yml': '', 'a.yml': '', 'b.yml': '' },
      { env: { SEQD_CONFIG: 'a.yml, b.yml', SEQD_PROFILE: 'p' } },
    );
    expect(loadConfig(options).files).toEqual(['config/application-p.yml', 'a.yml', 'b.yml']);
    expect(loadConfig({ ...options, files: ['b.yml'], profile: 'q' }).files).toEqual([
      'config/application-q.yml',
      'b.yml',
    ]);
  });

  test('an unknown profile is refused with the available ones listed', () => {
    const options = isolated({ 'config/application-ha-poc.yml': '', 'config/application-poc.yml': '' });
    const error = errorOf({ ...options, env: { SEQD_PROFILE: 'ha-pok' } });
    expect(error.message).toContain(
      'profile: must be one of ha-poc, poc, got "ha-pok"; did you mean ha-poc? (env:SEQD_PROFILE)',
    );
  });

  test('a profile name never reaches outside the config directory', () => {
    const options = isolated({ 'application-x.yml': '', 'config/application-poc.yml': '' });
    expect(issuesOf({ ...options, profile: 'poc/../../application-x' })[0]?.code).toBe('profile');
  });

  test('every missing explicit file is named', () => {
    const issues = issuesOf(isolated({}, { files: ['no.yml', 'nor.yml'] }));
    expect(issues.map(({ code, path, message }) => [code, path, message])).toEqual([
      ['file', 'no.yml', 'file does not exist'],
      ['file', 'nor.yml', 'file does not exist'],
    ]);
  });
});

describe('YAML', () => {
  test('a syntax error names file, line and column', () => {
    const error = errorOf(withYaml('server:\n  port: 1\n  host: [a\n'));
    expect(error.issues[0]).toMatchObject({ code: 'yaml-syntax', source: 'file:a.yml', line: 4, column: 1 });
    expect(error.message).toMatch(/not valid YAML: .* \(file:a\.yml:4:1\)/);
  });

  test('a repeated key is refused, and the rest of the file is still checked', () => {
    const issues = issuesOf(withYaml('server:\n  port: 1\n  port: 2\n  hots: x\n'));
    expect(issues.map(({ code, line }) => [code, line])).toEqual([
      ['yaml-syntax', 3],
      ['unknown-key', 4],
    ]);
  });

  test('a second document, an alias without anchor and an unknown tag are refused', () => {
    expect(issuesOf(withYaml('a: 1\n---\nb: 2'))[0]?.message).toContain('one YAML document');
    expect(issuesOf(withYaml('server: {host: *there}'))[0]?.message).toContain('*there');
    expect(issuesOf(withYaml('server: {host: !env HOME}'))[0]?.code).toBe('yaml-syntax');
  });

  test('a syntax error never shows a password', () => {
    expect(errorOf(withYaml('sequence: "http://u:secret@h" "http://u:secret@h"')).message).not.toContain(
      'secret',
    );
    expect(errorOf(withYaml('server:\n  a: 1\n http://u:secret@h\n')).message).not.toContain('secret');
  });

  test('no text makes the loader fail with anything but a list of mistakes', () => {
    const tokens = `sequence sites server port invoice-types 8080 null : - [ { } " ' & &a * *a # | ? << !t --- @ %`;
    const word = fc.constantFrom(...tokens.split(' '), ' ', '  ', '\n', '- ');
    const text = fc.oneof(
      fc.array(word, { maxLength: 30 }).map(words => words.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, yaml => {
        try {
          loadConfig(withYaml(yaml));
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('an empty file and an empty section say nothing', () => {
    expect(loadConfig(withYaml('')).config).toEqual(defaultConfig);
    expect(loadConfig(withYaml('server:\nsequence:\n  core:\n')).config).toEqual(defaultConfig);
  });

  test('a file that is not a map is refused', () => {
    expect(issuesOf(withYaml('- a'))[0]?.message).toBe(
      'must be a section with sequence, server, node, demo, logging',
    );
  });

  test('a byte order mark and Windows line ends do no harm', () => {
    expect(loadConfig(withYaml('\uFEFFserver:\r\n  port: 5\r\n')).config.server.port).toBe(5);
  });
});
