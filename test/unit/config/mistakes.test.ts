import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, defaultConfig, loadConfig, SERVE_FLAGS } from '../../../src/config/index.ts';
import { isSection, leafByPath, leaves, rootSection, type Section } from '../../../src/config/leaves.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { errorOf, isolated, issuesOf, withYaml } from './kit.ts';

const sections = (section: Section): Section[] => [
  section,
  ...[...section.children.values()].filter(child => isSection(child)).flatMap(sections),
];

describe('every mistake is named at once', () => {
  test('over all files, the environment, the flags, and between settings', () => {
    const options = isolated(
      {
        'a.yml': [
          'sequence:',
          '  core: {gap-recovery-enable: true, count-max: 0, maximum: 5, global-counter-start: 6}',
          '  engine: {request-timeout-ms: 2901}',
          'node: {site: site-9}',
        ].join('\n'),
        'b.yml': 'loging: {level: info}\n',
      },
      {
        files: ['a.yml', 'b.yml'],
        env: { SEQD_SERVER_PROT: '1', SEQD_SERVER_PORT: 'abc' },
        flags: { 'logging.level': 'loud' },
      },
    );
    const error = errorOf(options);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.exitCode).toBe(2);
    expect(error.message.split('\n')).toEqual([
      'The configuration has 9 mistakes:',
      '  - sequence.core.gap-recovery-enable: unknown key; did you mean sequence.core.gap-recovery-enabled? (file:a.yml:2:10)',
      '  - loging: unknown key; did you mean logging? (file:b.yml:1:1)',
      '  - SEQD_SERVER_PROT: unknown variable; did you mean SEQD_SERVER_PORT? (env:SEQD_SERVER_PROT)',
      '  - sequence.core.count-max: must be a whole number from 1 to 100000, got 0 (file:a.yml:2:37)',
      '  - sequence.engine.request-timeout-ms: must be a whole number from 10 to 2900, got 2901 (file:a.yml:3:12)',
      '  - server.port: must be a whole number from 0 to 65535, got "abc" (env:SEQD_SERVER_PORT)',
      '  - logging.level: must be fatal, error, warn, info, debug, trace or silent, got "loud" (flag:--log-level)',
      '  - sequence.core.maximum: must be at least sequence.core.global-counter-start (6), got 5 (file:a.yml:2:51; sequence.core.global-counter-start: file:a.yml)',
      '  - node.site: must be one of sequence.sites (site-1, site-2), got "site-9" (file:a.yml:4:8; sequence.sites: default)',
    ]);
  });

  test('an overridden value is checked as well', () => {
    const issues = issuesOf(withYaml('server: {port: -1}', { flags: { 'server.port': '8080' } }));
    expect(issues).toMatchObject([{ path: 'server.port', source: 'file:a.yml', found: '-1' }]);
  });

  test('any set of settings with a value of the wrong type is named completely', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...leaves), { selector: leaf => leaf.path }), wrong => {
        fc.pre(wrong.length > 0);
        // A list nested in a list is no value of any setting; in a flag only text is possible.
        const yaml = JSON.stringify(nest(wrong.map(({ path }) => [path, [[[]]]])));
        const named = new Set(issuesOf(withYaml(yaml)).map(({ path }) => path.replace(/\[.*/, '')));
        expect(named).toEqual(new Set(wrong.map(({ path }) => path)));
      }),
      { numRuns: 100 },
    );
  });

  test('inside a list of sites, each with its place', () => {
    const yaml = [
      'sequence:',
      '  sites:',
      '    - {id: A, partitions: [p, p]}',
      '    - {id: s, partitons: [p]}',
      '    - {id: s, partitions: []}',
    ].join('\n');
    expect(issuesOf(withYaml(yaml)).map(({ path, line, found }) => [path, line, found])).toEqual([
      ['sequence.sites[0].id', 3, '"A"'],
      ['sequence.sites[0].partitions[1]', 3, '"p"'],
      ['sequence.sites[1].partitions', 4, 'nothing'],
      ['sequence.sites[1].partitons', 4, undefined],
      ['sequence.sites[2].partitions', 5, '[]'],
      ['sequence.sites[2].id', 5, '"s"'],
    ]);
  });

  test('a wrong invoice type name and its wrong behaviour are two mistakes', () => {
    const issues = issuesOf(withYaml('sequence: {invoice-types: {On Cycle: isue, b: preview}}'));
    expect(issues.map(({ message, found }) => [message.slice(0, 22), found])).toEqual([
      ['must be issue, preview', '"isue"'],
      ['must be named with 1 t', '"On Cycle"'],
    ]);
  });

  test('a rule between settings is not judged by a value that is itself wrong', () => {
    const paths = issuesOf(withYaml('sequence: {sites: []}\nnode: {site: x, partition: y}')).map(
      ({ path }) => path,
    );
    expect(paths).toEqual(['sequence.sites']);
  });

  test('settings that depend on a file which cannot be read are not judged', () => {
    const issues = issuesOf(isolated({}, { files: ['no.yml'], flags: { 'node.site': 'other' } }));
    expect(issues.map(({ code }) => code)).toEqual(['file']);
  });
});

describe('unknown keys', () => {
  test('a random unknown key is refused in every section', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...sections(rootSection)),
        fc.oneof(fc.stringMatching(/^[a-z][a-z-]{0,12}$/), fc.constantFrom('__proto__', 'constructor', '<<')),
        fc.constantFrom<unknown>(null, 1, {}),
        (section, key, value) => {
          fc.pre(!section.children.has(key));
          const path = section.path === '' ? key : `${section.path}.${key}`;
          const yaml = path
            .split('.')
            .reduceRight((inner, name) => `{"${name}": ${inner}}`, JSON.stringify(value));
          expect(issuesOf(withYaml(yaml))).toMatchObject([{ code: 'unknown-key', path }]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a random unknown SEQD_ variable is refused and its value is not shown', () => {
    const known = new Set(leaves.map(leaf => leaf.env));
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z][A-Z_]{0,14}$/), rest => {
        const name = `SEQD_${rest}`;
        fc.pre(!known.has(name) && !['SEQD_URL', 'SEQD_CONFIG', 'SEQD_PROFILE'].includes(name));
        const error = errorOf(isolated({}, { env: { [name]: 's3cret' } }));
        expect(error.issues).toMatchObject([{ code: 'unknown-key', path: name, source: `env:${name}` }]);
        expect(error.message).not.toContain('s3cret');
      }),
      { numRuns: 100 },
    );
  });

  test('variables of others and those the caller allows are let through', () => {
    const env = { HOME: '/', SEQD_URL: 'http://x', SEQD_TEST_ETCD: '1', SEQDX: '1' };
    expect(() => loadConfig(isolated({}, { env, allowedEnvironment: ['SEQD_TEST_ETCD'] }))).not.toThrow();
  });

  test('the typed spelling, the wrong section and dotted keys are explained', () => {
    const issues = issuesOf(withYaml('server.port: 1\netcd: {}\nnode: {Site: a}\nport: 1\nqwertz: 1\n'));
    expect(issues.map(({ path, message, suggestion }) => [path, message, suggestion])).toEqual([
      ['server.port', 'must be written as nested keys, not with dots', undefined],
      ['etcd', 'unknown key', 'sequence.etcd'],
      ['node.Site', 'unknown key', 'node.site'],
      ['port', 'unknown key', 'server.port'],
      ['qwertz', 'unknown key', undefined],
    ]);
  });

  test('an unknown flag path is refused', () => {
    expect(issuesOf(isolated({}, { flags: { 'server.prot': '1' } }))).toMatchObject([
      { code: 'unknown-key', path: 'server.prot', suggestion: 'server.port', source: 'flag:--server.prot' },
    ]);
  });

  test('a __proto__ key inside a list or map is refused', () => {
    expect(issuesOf(withYaml('sequence: {invoice-types: {a: issue, __proto__: issue}}'))).toMatchObject([
      { code: 'unknown-key', path: 'sequence.invoice-types.__proto__' },
    ]);
  });
});

describe('values', () => {
  const refused: [string, string][] = [
    ['server.port', '8080.0'],
    ['server.port', '0x50'],
    ['server.port', '65536'],
    ['sequence.core.maximum', '9007199254740992'],
    ['sequence.core.maximum', '9007199254740993'],
    ['sequence.core.global-counter-start', '0'],
    ['sequence.core.gap-recovery-enabled', 'yes'],
    ['sequence.cluster', 'Seqd'],
    ['sequence.etcd.lease-ttl-seconds', '1'],
    ['sequence.etcd.endpoints', ''],
    ['sequence.etcd.endpoints', 'a:1,,b:2'],
    ['sequence.etcd.endpoints', 'a:1,a:1'],
    ['sequence.etcd.endpoints', 'http://a:1,https://b:2'],
    ['sequence.etcd.endpoints', 'http://u:p@a:1,http://u:q@b:2'],
    ['sequence.etcd.endpoints', 'http://a'],
    ['sequence.etcd.endpoints', 'http://a:1/'],
    ['sequence.etcd.endpoints', 'a:70000'],
    ['sequence.etcd.endpoints', 'ftp://a:1'],
    ['sequence.etcd.endpoints', 'u:p@a:1'],
    ['sequence.sites', '{"id":"a"}'],
    ['sequence.sites', '[{"id":"a",'],
    ['sequence.sites', 'site-1'],
    ['sequence.invoice-types', '{}'],
    ['sequence.invoice-types', '{"a":"issue","a":"preview"}'],
    ['server.host', 'http://h'],
    ['server.advertise-url', 'host:8080'],
    ['server.advertise-url', 'http://u:p@host'],
    ['server.advertise-url', 'http://host/?a=1'],
    ['server.headers-timeout-ms', '10001'],
    ['node.partition', 'partition-z'],
  ];
  test.each(refused)('%s refuses %j', (path, text) => {
    const issues = issuesOf(isolated({}, { flags: { [path]: text } }));
    expect(issues.every(issue => issue.path.startsWith(path))).toBe(true);
  });

  const accepted: [string, string][] = [
    ['server.port', '0'],
    ['sequence.core.maximum', '9007199254740991'],
    ['sequence.etcd.endpoints', 'a:1, [::1]:2 ,http://c:3'],
    ['sequence.etcd.endpoints', 'https://u:p@a:1,https://u:p@b:1'],
    ['sequence.etcd.lease-ttl-seconds', '2'],
    ['sequence.engine.request-timeout-ms', '2900'],
    ['sequence.invoice-types', '{"credit-note":"issue"}'],
    ['server.advertise-url', 'https://numbers.example/seqd'],
    ['server.host', '::1'],
  ];
  test.each(accepted)('%s accepts %j', (path, text) => {
    expect(() => loadConfig(isolated({}, { flags: { [path]: text } }))).not.toThrow();
  });

  test('a text where YAML should have a number is refused', () => {
    expect(issuesOf(withYaml('server: {port: "8080"}'))).toMatchObject([{ found: '"8080"' }]);
  });

  test('a number past 2^53 is shown as it was written, not rounded', () => {
    const issues = issuesOf(isolated({}, { flags: { 'sequence.core.maximum': '9007199254740993' } }));
    expect(issues).toMatchObject([{ found: '"9007199254740993"' }]);
  });

  test('a refused value with credentials is never shown', () => {
    const broken = ['http://u:secret@a', 'u:secret@a:1', 'http://u:sec,ret@a:1', 'http://u:sec/ret@a:1'];
    for (const text of broken) {
      const env = errorOf(isolated({}, { env: { SEQD_ETCD_ENDPOINTS: text, SEQD_SERVER_HOST: text } }));
      expect(env.message).not.toMatch(/sec|ret@/);
      expect(env.message).toContain('hidden');
    }
  });
});

describe('schema', () => {
  test('accepts the defaults', () => {
    expect(configSchema.parse(defaultConfig)).toEqual(defaultConfig);
  });

  test('every option of seqd serve stands for a setting that exists', () => {
    for (const { path } of SERVE_FLAGS) expect(leafByPath.has(path), path).toBe(true);
  });
});

function nest(values: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, value] of values) {
    const keys = path.split('.');
    let target = root;
    for (const key of keys.slice(0, -1)) target = (target[key] ??= {}) as Record<string, unknown>;
    target[keys.at(-1) ?? ''] = value;
  }
  return root;
}
