import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  advertiseUrlOf,
  configAsObject,
  describeConfig,
  loadConfig,
  nodeIdOf,
  splitEtcdAccess,
} from '../../../src/config/index.ts';
import { leaves } from '../../../src/config/leaves.ts';
import { isolated, withYaml } from './kit.ts';

const secret = { SEQD_ETCD_ENDPOINTS: 'http://admin:s3,cret@a:1,http://admin:s3,cret@b:1' };

describe('describeConfig', () => {
  test('names each value and its source', () => {
    const text = describeConfig(
      loadConfig(
        withYaml('logging: {level: warn}', {
          env: { SEQD_NODE_SITE: 'site-2' },
          flags: { 'server.port': '81' },
        }),
      ),
    );
    const lines = text.split('\n');
    expect(lines[0]).toBe('# files, later wins: a.yml');
    expect(lines).toContain('  level: warn # file:a.yml');
    expect(lines).toContain('  site: site-2 # env:SEQD_NODE_SITE');
    expect(lines).toContain('  port: 81 # flag:--port');
    expect(lines).toContain('    count-max: 1000 # default');
    expect(lines.filter(line => / # (default|file:|env:|flag:)/.test(line))).toHaveLength(leaves.length);
  });

  test('shows nothing of the admin token, taken or refused', () => {
    const token = 'a-token-of-enough-characters';
    const loaded = loadConfig(isolated({}, { env: { SEQD_SERVER_ADMIN_TOKEN: token } }));
    expect(loaded.config.server.adminToken).toBe(token);
    expect(describeConfig(loaded)).not.toContain(token);
    expect(JSON.stringify(configAsObject(loaded))).not.toContain(token);
    expect(() => loadConfig(isolated({}, { env: { SEQD_SERVER_ADMIN_TOKEN: 'short-token' } }))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('short-token') as string }),
    );
  });

  test('is YAML that loads again to the same configuration', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'grapheme' }).filter(text => /^[^\0\r\n]*\S[^\0\r\n]*$/.test(text)),
        fc.constantFrom('null', 'true', '1', 'n: 1', '# x').map(name => name.replaceAll(/[^a-z0-9]/g, '-')),
        (directory, name) => {
          fc.pre(!directory.includes('://'));
          const { config } = loadConfig(
            isolated({}, { flags: { 'sequence.etcd.data-directory': directory, 'sequence.cluster': name } }),
          );
          const text = describeConfig({ config, sources: new Map(), files: ['x\ny'] });
          expect(loadConfig(withYaml(text)).config).toEqual(config);
        },
      ),
      {
        numRuns: 200,
        // Spaces that YAML does not take for any, at either end: an en quad, a no-break space, a byte order mark.
        examples: [
          ['(\u2000', 'null'],
          ['\u00a0x', 'null'],
          ['x\ufeff', 'null'],
          ['\ufeffx', 'null'],
        ],
      },
    );
  });

  test('hides credentials, also in the object for --json', () => {
    const loaded = loadConfig(
      isolated({}, { env: { SEQD_ETCD_ENDPOINTS: 'http://admin:s3cret@a:1,http://admin:s3cret@b:1' } }),
    );
    expect(describeConfig(loaded)).toContain('[http://***@a:1,');
    expect(describeConfig(loaded) + JSON.stringify(configAsObject(loaded))).not.toContain('s3cret');
    expect(loaded.config.sequence.etcd.endpoints[0]).toContain('s3cret');
  });

  test('hides credentials with a comma, which only a file can give', () => {
    const loaded = loadConfig(withYaml('sequence: {etcd: {endpoints: ["http://admin:s3,cret@a:1"]}}'));
    expect(describeConfig(loaded)).not.toMatch(/s3|cret/);
    expect(() => loadConfig(isolated({}, { env: secret }))).toThrow(/hidden/);
  });

  test('as object it has the spelling of the file, the sources and the files', () => {
    const object = configAsObject(loadConfig(withYaml('server: {port: 7}')));
    expect(object.config).toMatchObject({ server: { port: 7, 'body-limit-bytes': 65_536 } });
    expect(object.sources['server.port']).toBe('file:a.yml');
    expect(object.files).toEqual(['a.yml']);
    expect(parse(describeConfig(loadConfig(withYaml('server: {port: 7}'))))).toEqual(object.config);
  });
});

describe('derived values', () => {
  test('the node is called after its site and partition unless it has a name', () => {
    expect(nodeIdOf(loadConfig(isolated({})).config)).toBe('site-1-partition-a');
    expect(nodeIdOf(loadConfig(isolated({}, { flags: { 'node.id': 'n1' } })).config)).toBe('n1');
  });

  test('the advertised address is the one given, or host and the port really bound', () => {
    const url = (flags: Record<string, string>, port?: number): string =>
      advertiseUrlOf(loadConfig(isolated({}, { flags })).config, port);
    expect(url({})).toBe('http://127.0.0.1:8080');
    expect(url({ 'server.port': '0' }, 40_000)).toBe('http://127.0.0.1:40000');
    expect(url({ 'server.host': '::1' })).toBe('http://[::1]:8080');
    expect(url({ 'server.advertise-url': 'https://x.example/' })).toBe('https://x.example');
    expect(url({ 'server.host': '0.0.0.0' })).not.toContain('0.0.0.0');
  });

  test('etcd credentials are separated from the hosts', () => {
    expect(splitEtcdAccess(['http://us%40r:p%3Aw@a:1', 'http://b:2'])).toEqual({
      hosts: ['http://a:1', 'http://b:2'],
      auth: { username: 'us@r', password: 'p:w' },
    });
    expect(splitEtcdAccess(['a:1'])).toEqual({ hosts: ['a:1'] });
  });
});
