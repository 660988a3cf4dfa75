import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildIsStale } from '../../../scripts/lib/build.mjs';
import { checkNode } from '../../../scripts/lib/check-node.mjs';
import { dependenciesAreFresh } from '../../../scripts/lib/dependencies.mjs';
import { npmEnvironment } from '../../../scripts/lib/npm.mjs';
import { projectRoot } from '../../../scripts/lib/paths.mjs';
import { runCommand } from '../../../scripts/lib/run-command.mjs';
import { withSetupLock } from '../../../scripts/lib/setup-lock.mjs';
import {
  needsBrowser,
  outcomeOf,
  planPhases,
  type Report,
  summaryLines,
} from '../../../scripts/lib/test-tally.mjs';
import { until } from '../../kit/until.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'seqd-setup-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('the start script runs before anything is installed', async () => {
  await cp(join(projectRoot, 'scripts'), join(root, 'scripts'), { recursive: true });
  await cp(join(projectRoot, 'package.json'), join(root, 'package.json'));
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(root, 'scripts/start-poc.mjs'),
    '--help',
  ]);
  expect(stdout).toMatch(/--no-ledger/);
});

test('Node below 20.19 is refused with the version that is needed', () => {
  expect(() => checkNode('18.20.0')).toThrow(/20\.19/);
  expect(() => checkNode('20.18.3')).toThrow(/20\.19/);
  for (const version of ['20.19.0', '20.20.2', '22.0.0', '24.1.0']) checkNode(version);
});

describe('a build', () => {
  const PAST = new Date('2026-01-01T00:00:00Z');
  const LATER = new Date('2026-01-02T00:00:00Z');
  const put = async (path: string, time: Date) => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), '');
    await utimes(join(root, path), time, time);
  };
  const settle = async () => {
    for (const dir of ['src/core', 'src']) await utimes(join(root, dir), PAST, PAST);
  };
  beforeEach(async () => {
    await put('src/main.ts', PAST);
    await put('src/core/plan.ts', PAST);
    await put('tsconfig.json', PAST);
    await put('dist/main.js', LATER);
    await settle();
  });

  test('newer than all sources is fresh', async () => {
    expect(await buildIsStale(root)).toBe(false);
  });

  test('that is missing is stale', async () => {
    await unlink(join(root, 'dist/main.js'));
    expect(await buildIsStale(root)).toBe(true);
  });

  test.each(['src/core/plan.ts', 'tsconfig.json', 'tsconfig.build.json'])(
    'older than %s is stale',
    async path => {
      await put(path, new Date('2026-01-03T00:00:00Z'));
      await settle();
      expect(await buildIsStale(root)).toBe(true);
    },
  );

  test('is stale after a source file was removed', async () => {
    await unlink(join(root, 'src/core/plan.ts'));
    expect(await buildIsStale(root)).toBe(true);
  });
});

describe('dependencies', () => {
  const put = async (path: string, packages: object) => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), JSON.stringify({ packages }));
  };
  const wanted = {
    '': { version: '0.1.0' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b-win': { version: '2.0.0', optional: true },
  };

  test('are fresh when every package is installed, those of other systems aside', async () => {
    await put('package-lock.json', wanted);
    await put('node_modules/.package-lock.json', { 'node_modules/a': { version: '1.0.0' } });
    expect(await dependenciesAreFresh(root)).toBe(true);
  });

  test('are not fresh without a finished installation', async () => {
    await put('package-lock.json', wanted);
    expect(await dependenciesAreFresh(root)).toBe(false);
  });

  test('are not fresh when a version differs or a package is missing', async () => {
    await put('package-lock.json', wanted);
    await put('node_modules/.package-lock.json', { 'node_modules/a': { version: '0.9.0' } });
    expect(await dependenciesAreFresh(root)).toBe(false);
    await put('node_modules/.package-lock.json', {});
    expect(await dependenciesAreFresh(root)).toBe(false);
  });
});

test('npm settings of an outer call do not leak into ours, and Node is on the path', () => {
  const env = npmEnvironment({
    npm_config_production: 'true',
    npm_lifecycle_event: 'test',
    PATH: '/nowhere',
  });
  expect(Object.keys(env)).toEqual(['PATH']);
  expect(env['PATH']?.startsWith('/nowhere')).toBe(true);
  expect(env['PATH']?.length).toBeGreaterThan('/nowhere'.length);
});

describe('the set-up lock', () => {
  test('lets one caller in at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise(resolve => setImmediate(resolve));
      inside -= 1;
    };
    const file = join(root, 'setup.lock');
    await Promise.all([1, 2, 3].map(() => withSetupLock(work, file)));
    expect(most).toBe(1);
  });

  test('of a holder that has died is passed over', async () => {
    const file = join(root, 'setup.lock');
    await writeFile(file, '999999999');
    expect(await withSetupLock(async () => 'done', file)).toBe('done');
  });

  test('is given back when the work fails', async () => {
    const file = join(root, 'setup.lock');
    await expect(withSetupLock(() => Promise.reject(new Error('no')), file)).rejects.toThrow('no');
    expect(await withSetupLock(async () => 'done', file)).toBe('done');
  });
});

describe('the sums of a test run', () => {
  const failed = { what: 'some.test.ts: a test', why: 'Error: expected 1 to be 2\n    at here' };

  test('are one line, after what failed and why, so that the end of the output tells it', () => {
    expect(
      summaryLines([
        { passed: 3, failures: [] },
        { passed: 4, failures: [failed] },
      ]),
    ).toEqual([
      'FAILED some.test.ts: a test',
      '    Error: expected 1 to be 2',
      '        at here',
      '7 passed, 1 failed',
    ]);
  });

  test('count a missing report, and an exit code that nothing explains', () => {
    expect(outcomeOf('unit', undefined, 0)).toEqual({
      passed: 0,
      failures: [{ what: 'unit', why: 'exit code 0' }],
    });
    const report = { passed: 1, failures: [] };
    expect(outcomeOf('unit', report, 1)).toEqual({
      passed: 1,
      failures: [{ what: 'unit', why: 'exit code 1' }],
    });
    expect(outcomeOf('unit', report, 0)).toEqual(report);
    expect(outcomeOf('unit', { passed: 1, failures: [failed] }, 1)).toEqual({
      passed: 1,
      failures: [failed],
    });
  });

  test('count tests, hooks, files that cannot be loaded, and errors outside of all tests', async () => {
    await symlink(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
    const imports = "import { afterAll, beforeAll, describe, test } from 'vitest';\n";
    const files = {
      'a.test.mjs': `
        test('that passes', () => {});
        test('that fails', () => { throw new Error('it failed'); });
        test.skip('that is skipped', () => {});`,
      'b.test.mjs': `
        describe('a suite', () => {
          beforeAll(() => { throw new Error('etcd does not serve'); });
          test('never run', () => {});
        });
        describe('another', () => {
          afterAll(() => { throw new Error('it stays'); });
          test('that passes, too', () => {});
        });`,
      'c.test.mjs': "throw new Error('cannot be loaded');",
      'd.test.mjs': `
        test('with an error beside it', async () => {
          setTimeout(() => { throw new Error('nobody waits for this'); });
          await new Promise(resolve => setTimeout(resolve, 100));
        });`,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), imports + text);
    const report = join(root, 'tally.json');
    const { code } = await runCommand(
      process.execPath,
      [
        join(projectRoot, 'node_modules/vitest/vitest.mjs'),
        'run',
        `--root=${root}`,
        `--reporter=${join(projectRoot, 'scripts/lib/tally-reporter.mjs')}`,
      ],
      { cwd: root, env: { ...process.env, TEST_TALLY_FILE: report } },
    );
    expect(code).toBe(1);
    const { passed, failures } = JSON.parse(await readFile(report, 'utf8')) as Report;
    expect(passed).toBe(3);
    expect(failures.map(({ what, why }) => `${what}: ${why.split('\n')[0]}`).sort()).toEqual([
      'a.test.mjs: that fails: Error: it failed',
      'b.test.mjs: a suite: Error: etcd does not serve',
      'b.test.mjs: another: Error: it stays',
      'c.test.mjs: Error: cannot be loaded',
      'outside of all tests: Error: nobody waits for this',
    ]);
  });

  test('come from the fast phases first, or from the one the user names', () => {
    expect(planPhases([]).map(({ projects, beside }) => [projects, beside])).toEqual([
      [['unit', 'simulation'], undefined],
      [['contract'], undefined],
      [['integration'], ['mutation']],
      [['browser'], undefined],
      [['chaos'], undefined],
    ]);
    expect(planPhases(['--project', 'unit'])).toEqual([{ projects: [], args: ['--project', 'unit'] }]);
  });

  test.each([
    [[], true],
    [['--project', 'unit'], false],
    [['--project=browser'], true],
    [['test/unit/core'], false],
    [['test/browser/demos.test.ts'], true],
    [['-t', 'keyboard'], true],
    [['--project', 'browser', '-t', 'keyboard'], true],
  ])('want a browser only where tests may run in one: %j', (args, wanted) => {
    expect(needsBrowser(args)).toBe(wanted);
  });
});

test.skipIf(process.platform === 'win32')(
  'a program that is interrupted may tidy up, and is waited for',
  async () => {
    const interrupt = new AbortController();
    const program = `
    process.once('SIGINT', () => setTimeout(() => { console.log('tidied up'); process.exit(3); }, 50));
    setInterval(() => {}, 1000);
    require('fs').writeFileSync(process.argv[1], 'ready');`;
    const file = join(root, 'ready');
    const result = runCommand(process.execPath, ['-e', program, file], { interrupt: interrupt.signal });
    await until('it listens', () => readFile(file, 'utf8').catch(() => ''));
    interrupt.abort();
    expect(await result).toMatchObject({ code: 3, stdout: 'tidied up\n' });
  },
);
