import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { defaultConfig, loadConfig } from '../../../src/config/index.ts';
import { leafByPath, leaves, type Leaf } from '../../../src/config/leaves.ts';
import { RESERVED_ENVIRONMENT } from '../../../src/config/text-layers.ts';
import { directoryWith, isolated } from './kit.ts';

const at = (object: unknown, keys: readonly string[]): unknown =>
  keys.reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], object);

const nested = (path: string, value: unknown): unknown =>
  path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);

const asText = (leaf: Leaf, value: unknown): string => {
  if (leaf.kind === 'list') return (value as string[]).join(',');
  return leaf.kind === 'json' ? JSON.stringify(value) : String(value);
};

// Values that fit whatever the other settings are, so that one leaf can vary alone.
const valuesOf = (leaf: Leaf): fc.Arbitrary<unknown> => {
  const name = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const special: Record<string, fc.Arbitrary<unknown>> = {
    'sequence.core.maximum': fc.integer({ min: 1, max: 1_000_000 }),
    'sequence.core.global-counter-start': fc.maxSafeNat().map(number => Math.max(1, number)),
    'sequence.etcd.endpoints': fc
      .uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 4 })
      .map(ports => ports.map(port => `etcd:${port}`)),
    'sequence.sites': fc
      .uniqueArray(name, { minLength: 1, maxLength: 3 })
      .map(ids => [...ids, 'site-1'].map(id => ({ id, partitions: ['partition-a'] }))),
    'sequence.invoice-types': fc.dictionary(name, fc.constantFrom('issue', 'preview', 'suppress'), {
      minKeys: 1,
      noNullPrototype: true,
    }),
    'sequence.ledger.url': fc.option(name.map(host => `postgres://u:p@${host}.example/db`)),
    'sequence.ledger.schema': name.map(text => `s${text}`),
    'sequence.ledger.tls': fc.constantFrom(null, 'require', 'verify-full'),
    'sequence.ledger.pool-max': fc.integer({ min: 1, max: 100 }),
    'server.headers-timeout-ms': fc.integer({ min: 10, max: 10_000 }),
    'server.request-timeout-ms': fc.integer({ min: 10_000, max: 600_000 }),
    'server.advertise-url': fc.option(name.map(host => `https://${host}.example/seqd`)),
    'server.admin-token': fc.option(name.map(text => text.padEnd(16, '!'))),
    'node.id': fc.option(name.filter(text => text !== 'null')),
    'node.site': fc.constantFrom('site-1', 'site-2'),
    'node.partition': fc.constantFrom('partition-a', 'partition-b'),
    'logging.level': fc.constantFrom('debug', 'info', 'warn'),
    'sequence.etcd.lease-ttl-seconds': fc.integer({ min: 2, max: 300 }),
    'sequence.engine.pipeline-depth': fc.integer({ min: 1, max: 8 }),
    'server.body-limit-bytes': fc.integer({ min: 1_024, max: 100_000 }),
    // Others need each other.
    'demo.url': fc.constant(null),
    'demo.token': fc.constant(null),
    // Others need a ledger.
    'sequence.events.sinks': fc.constant([]),
    'sequence.events.timeout-ms': fc.integer({ min: 100, max: 10_000 }),
    'sequence.events.attempts-max': fc.integer({ min: 1, max: 100 }),
    'sequence.events.retry-delay-ms-max': fc.integer({ min: 250, max: 60_000 }),
  };
  const fallback: Partial<Record<Leaf['kind'], fc.Arbitrary<unknown>>> = {
    number: fc.integer({ min: 10, max: 720 }),
    boolean: fc.boolean(),
    text: name,
  };
  return special[leaf.path] ?? fallback[leaf.kind] ?? fc.constant(null);
};

const levels = ['base', 'profile', 'explicit', 'env', 'flag'] as const;

describe('precedence', () => {
  test('of a setting given at any levels the highest wins, and its source says so', () => {
    const directory = directoryWith({});
    const given = fc
      .constantFrom(...leaves)
      .chain(leaf =>
        fc.tuple(
          fc.constant(leaf),
          fc.uniqueArray(fc.constantFrom(...levels), { maxLength: levels.length }),
          fc.array(valuesOf(leaf), { minLength: levels.length, maxLength: levels.length }),
        ),
      );
    fc.assert(
      fc.property(given, ([leaf, used, values]) => {
        const valueAt = (level: (typeof levels)[number]): unknown => values[levels.indexOf(level)];
        const yamlAt = (level: (typeof levels)[number]): string =>
          used.includes(level) ? stringify(nested(leaf.path, valueAt(level))) : '';
        const files = directoryWith({
          'config/application.yml': yamlAt('base'),
          'config/application-test.yml': yamlAt('profile'),
          'own.yml': yamlAt('explicit'),
        });
        const { config, sources } = loadConfig({
          profile: 'test',
          files: ['own.yml'],
          cwd: files,
          packageDirectory: directory,
          env: used.includes('env') ? { [leaf.env]: asText(leaf, valueAt('env')) } : {},
          flags: used.includes('flag')
            ? { [leaf.path]: { value: asText(leaf, valueAt('flag')), flag: '--x <n>' } }
            : {},
        });

        const winner = levels.findLast(level => used.includes(level));
        const expected = winner === undefined ? at(defaultConfig, leaf.keys) : valueAt(winner);
        expect(at(config, leaf.keys)).toEqual(expected);
        expect(sources.get(leaf.path)).toBe(
          {
            none: 'default',
            base: 'file:config/application.yml',
            profile: 'file:config/application-test.yml',
            explicit: 'file:own.yml',
            env: `env:${leaf.env}`,
            flag: 'flag:--x',
          }[winner ?? 'none'],
        );
        for (const other of leaves.filter(({ path }) => path !== leaf.path)) {
          expect(sources.get(other.path)).toBe('default');
        }
      }),
      { numRuns: 300 },
    );
  });

  test('without file, environment and flag the configuration is the default one', () => {
    const { config, files, sources } = loadConfig(isolated({}));
    expect(config).toEqual(defaultConfig);
    expect(files).toEqual([]);
    expect([...sources.keys()]).toEqual([...leafByPath.keys()]);
  });

  test('a later explicit file wins over an earlier one', () => {
    const options = isolated({ 'a.yml': 'server: {port: 1, host: a}', 'b.yml': 'server: {port: 2}' });
    const { config, files } = loadConfig({ ...options, files: ['a.yml', 'b.yml'] });
    expect(config.server).toMatchObject({ port: 2, host: 'a' });
    expect(files).toEqual(['a.yml', 'b.yml']);
  });

  test('a list and an invoice type map are replaced as a whole', () => {
    const { config } = loadConfig(
      isolated({ 'a.yml': 'sequence: {invoice-types: {draft: preview}}' }, { files: ['a.yml'] }),
    );
    expect(Object.keys(config.sequence.invoiceTypes)).toEqual(['draft']);
  });

  test('names of user-defined keys are not converted', () => {
    const { config } = loadConfig(isolated({}));
    expect(config.sequence.invoiceTypes['on-cycle']).toBe('issue');
    expect(config.sequence.invoiceTypes).not.toHaveProperty('onCycle');
  });

  test('the configuration is frozen at every depth', () => {
    const { config } = loadConfig(isolated({}));
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(config)).toBe(true);
    expect(frozen(defaultConfig)).toBe(true);
  });

  test('an invoice type called like a property of Object does not exist', () => {
    const { invoiceTypes } = loadConfig(isolated({})).config.sequence;
    expect(invoiceTypes['constructor']).toBeUndefined();
    expect(defaultConfig.sequence.invoiceTypes['toString']).toBeUndefined();
  });
});

describe('environment names', () => {
  test('are derived from the path without the leading sequence', () => {
    expect(leafByPath.get('sequence.etcd.endpoints')?.env).toBe('SEQD_ETCD_ENDPOINTS');
    expect(leafByPath.get('sequence.core.global-counter-start')?.env).toBe('SEQD_CORE_GLOBAL_COUNTER_START');
    expect(leafByPath.get('sequence.cluster')?.env).toBe('SEQD_CLUSTER');
    expect(leafByPath.get('server.port')?.env).toBe('SEQD_SERVER_PORT');
    expect(leafByPath.get('node.site')?.env).toBe('SEQD_NODE_SITE');
  });

  test('never collide', () => {
    const names = [...leaves.map(leaf => leaf.env), ...RESERVED_ENVIRONMENT];
    expect(new Set(names).size).toBe(names.length);
  });

  test('an empty variable counts as not set', () => {
    const { config, sources } = loadConfig(isolated({}, { env: { SEQD_SERVER_PORT: '', SEQD_PROFILE: '' } }));
    expect(config.server.port).toBe(8080);
    expect(sources.get('server.port')).toBe('default');
  });

  test('a nullable setting is taken back to null with the word null', () => {
    const options = isolated(
      { 'a.yml': 'node: {id: n}' },
      { files: ['a.yml'], env: { SEQD_NODE_ID: 'null' } },
    );
    expect(loadConfig(options).config.node.id).toBeNull();
  });
});
