import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeBusyPorts, findBusyPorts, findFreePorts } from '../../../scripts/lib/ports.mjs';
import {
  parsePocArguments,
  RefusedError,
  refuseResetOf,
  USAGE,
  UsageError,
} from '../../../scripts/poc/arguments.mjs';
import { browserCommand } from '../../../scripts/poc/browser.mjs';
import { restartPauseMs } from '../../../scripts/poc/keep-alive.mjs';
import { leftoversOf } from '../../../scripts/poc/leftovers.mjs';
import { rotateLogs } from '../../../scripts/poc/logs.mjs';
import { OwnRun } from '../../../scripts/poc/own-run.mjs';
import { placesOf } from '../../../scripts/poc/places.mjs';
import { planPoc } from '../../../scripts/poc/plan.mjs';
import {
  claimRun,
  isRunning,
  readRun,
  removeRun,
  updateRun,
  type PocRun,
} from '../../../scripts/poc/run-file.mjs';
import { givenEndpoints } from '../../../scripts/poc/settings.mjs';
import { describeRun } from '../../../scripts/poc/summary.mjs';

const runOf = (instance: string): PocRun => ({
  instance,
  state: 'ready',
  supervisorPid: 4_711,
  startedAt: '2026-01-01T00:00:00.000Z',
  cluster: 'ha-poc',
  etcd: {
    endpoints: ['http://127.0.0.1:12379'],
    source: 'cache',
    version: '3.6.14',
    members: [{ name: 'etcd-1', pid: 11, clientUrl: 'http://127.0.0.1:12379' }],
  },
  nodes: [
    {
      id: 'site-1-partition-a',
      site: 'site-1',
      partition: 'partition-a',
      url: 'http://127.0.0.1:8080',
      pid: 12,
    },
  ],
});

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'seqd-poc-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('the plan', () => {
  test('is two sites with two partitions on 8080 to 8083, and etcd from 12379', () => {
    const plan = planPoc({ port: 8_080, nodes: 4 });
    expect(plan.nodes.map(({ id, port }) => [id, port])).toEqual([
      ['site-1-partition-a', 8_080],
      ['site-1-partition-b', 8_081],
      ['site-2-partition-a', 8_082],
      ['site-2-partition-b', 8_083],
    ]);
    expect(plan.etcdClientPorts).toEqual([12_379, 12_389, 12_399]);
    expect(plan.etcdPeerPorts).toEqual([12_380, 12_390, 12_400]);
  });

  test('moves etcd along with the first port', () => {
    expect(planPoc({ port: 9_080, nodes: 1 }).etcdClientPorts).toEqual([13_379, 13_389, 13_399]);
  });

  test('gives nodes beyond the fourth a name of their own on a known site and partition', () => {
    const { nodes } = planPoc({ port: 8_080, nodes: 8 });
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(8);
    expect(nodes[4]).toMatchObject({ id: 'site-1-partition-a-2', site: 'site-1', partition: 'partition-a' });
  });

  test('never gives one port to two', () => {
    const { nodes, etcdClientPorts, etcdPeerPorts } = planPoc({ port: 8_080, nodes: 8 });
    const ports = [...nodes.map(({ port }) => port), ...etcdClientPorts, ...etcdPeerPorts];
    expect(new Set(ports).size).toBe(ports.length);
  });
});

describe('the command line', () => {
  test('without arguments starts four nodes from port 8080 and opens the browser', () => {
    expect(parsePocArguments([], {})).toEqual({
      action: 'start',
      detach: false,
      open: true,
      ledger: true,
      demos: true,
      nodes: 4,
      port: 8_080,
      endpoints: [],
    });
  });

  test('leaves out the ledger, the demonstrations, the browser', () => {
    const options = parsePocArguments(['--no-ledger', '--no-demos', '--no-open'], {});
    expect(options).toMatchObject({ ledger: false, demos: false, open: false });
    for (const option of ['--no-ledger', '--no-demos', '--no-open']) expect(USAGE).toContain(option);
  });

  test('takes etcd endpoints from the option before the environment', () => {
    const env = { SEQD_ETCD_ENDPOINTS: 'http://e:1' };
    expect(parsePocArguments([], env).endpoints).toEqual(['http://e:1']);
    expect(parsePocArguments(['--endpoints', 'a:1, b:2,'], env).endpoints).toEqual(['a:1', 'b:2']);
  });

  test.each([
    ['--nodes', '0'],
    ['--nodes', '9'],
    ['--nodes', 'many'],
    ['--port', '0'],
    ['--port', '65000'],
    ['--port', '8080.5'],
  ])('refuses %s %s and names the option', (option, value) => {
    expect(() => parsePocArguments([option, value], {})).toThrow(option);
    expect(() => parsePocArguments([option, value], {})).toThrow(UsageError);
  });

  test('refuses what it does not know, and --stop together with --reset', () => {
    expect(() => parsePocArguments(['--detatch'], {})).toThrow('--detatch');
    for (const args of [['--detatch'], ['up'], ['--port']])
      expect(() => parsePocArguments(args, {})).toThrow(UsageError);
    expect(() => parsePocArguments(['--stop', '--reset'], {})).toThrow('--reset');
  });
});

describe('a reset', () => {
  const settings = { embedded: true, endpoints: ['http://default:1'] };

  test('is refused with an etcd that is given, by the command line or the configuration', () => {
    for (const given of [
      givenEndpoints(['http://e:1'], settings),
      givenEndpoints([], { ...settings, embedded: false }),
    ]) {
      expect(given).toHaveLength(1);
      expect(() => refuseResetOf(given)).toThrow(given[0]);
      expect(() => refuseResetOf(given)).toThrow(RefusedError);
    }
    expect(USAGE).toContain('refused (exit code 2)');
  });

  test('is not refused for the members of our own', () => {
    expect(givenEndpoints([], settings)).toEqual([]);
    expect(() => refuseResetOf([])).not.toThrow();
  });
});

describe('the run file', () => {
  const file = () => join(dir, 'poc', 'run.json');

  test('is claimed by exactly one of many at once, with its whole content', async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => claimRun(file(), runOf(`i${i}`))));
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await readRun(file())).toEqual(runOf(`i${claims.indexOf(true)}`));
    expect(await readdir(join(dir, 'poc'))).toEqual(['run.json']);
  });

  test('of another run is not removed', async () => {
    await claimRun(file(), runOf('theirs'));
    await removeRun(file(), 'ours');
    expect(await readRun(file())).toMatchObject({ instance: 'theirs' });
    await removeRun(file(), 'theirs');
    expect(await readRun(file())).toBeUndefined();
  });

  test('that is being claimed when everything is stopped does not stay, and no late write brings it back', async () => {
    const own = new OwnRun(
      placesOf({ SEQD_POC_DATA_DIR: dir }),
      () => runOf('ours'),
      () => {},
    );
    const claimed = own.claim();
    await own.remove();
    expect(await claimed).toBe(true);
    await own.save();
    expect(await readRun(file())).toBeUndefined();
  });

  test('is replaced as a whole', async () => {
    await claimRun(file(), runOf('a'));
    await updateRun(file(), { ...runOf('a'), state: 'starting' });
    expect(await readRun(file())).toMatchObject({ state: 'starting' });
  });

  test('means a running supervisor only when its command line names the run', async () => {
    const run = runOf('abc');
    expect(await isRunning(run, async () => 'node scripts/poc/supervisor.mjs --instance=abc')).toBe(true);
    expect(await isRunning(run, async () => 'node scripts/poc/supervisor.mjs --instance=xyz')).toBe(false);
    expect(await isRunning(run, async () => 'some other program')).toBe(false);
    expect(await isRunning(run, async () => undefined)).toBe(false);
  });
});

test('processes left over are recognised by this project’s paths, not by their ids alone', () => {
  const places = placesOf({ SEQD_POC_DATA_DIR: dir });
  const { nodes, members, demos } = leftoversOf(runOf('a'), places);
  expect(nodes[0]?.marks).toEqual([places.entry, 'serve', '--port 8080']);
  expect(members[0]?.marks).toContain(places.etcdDir);
  expect(demos).toEqual([]);
  const run = { ...runOf('a'), demos: { pid: 12, port: 20_001 } };
  expect(leftoversOf(run, places).demos).toMatchObject([
    { pid: 12, marks: [places.demoHost, '--port=20001'] },
  ]);
});

test('a program of a test has no demonstrations but those that the test brings', () => {
  expect(placesOf({}).demoHost).toMatch(/dist.demo.demo-host\.js$/);
  expect(placesOf({ SEQD_POC_ENTRY: '/node.mjs' }).demoHost).toBeUndefined();
  const both = { SEQD_POC_ENTRY: '/node.mjs', SEQD_POC_DEMO_HOST: '/host.mjs' };
  expect(placesOf(both).demoHost).toMatch(/host\.mjs$/);
});

test('restarts back off from 250 ms to 10 s', () => {
  expect([1, 2, 3, 6, 7, 50].map(restartPauseMs)).toEqual([250, 500, 1_000, 8_000, 10_000, 10_000]);
});

test('a log that has grown too large starts again and keeps one copy', async () => {
  await writeFile(join(dir, 'a.log'), 'x'.repeat(100));
  await writeFile(join(dir, 'b.log'), 'short');
  await rotateLogs(dir, 50);
  expect(await readFile(join(dir, 'a.log'), 'utf8')).toBe('');
  expect(await readFile(join(dir, 'a.log.1'), 'utf8')).toHaveLength(100);
  expect(await readFile(join(dir, 'b.log'), 'utf8')).toBe('short');
});

describe('ports', () => {
  test('that are free differ from each other', async () => {
    const ports = await findFreePorts(12);
    expect(new Set(ports).size).toBe(12);
    expect(await findBusyPorts(ports)).toEqual([]);
  });

  test('that somebody uses are named', async () => {
    const [port = 0, free = 0] = await findFreePorts(2);
    const server = createServer();
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    const busy = await findBusyPorts([free, port]);
    await new Promise(resolve => server.close(resolve));
    expect(busy).toEqual([{ port, code: 'EADDRINUSE' }]);
    expect(describeBusyPorts(busy)).toBe(`port ${port} is in use by another program`);
  });
});

test('the browser is left alone where there is no display', () => {
  const url = 'http://localhost:8080/dashboard';
  expect(browserCommand(url, 'linux', {})).toBeUndefined();
  expect(browserCommand(url, 'darwin', { CI: 'true' })).toBeUndefined();
  expect(browserCommand(url, 'linux', { DISPLAY: ':0' })).toEqual({ command: 'xdg-open', args: [url] });
  expect(browserCommand(url, 'win32', {})?.command).toBe('cmd');
});

test('the summary names the dashboard, every node and etcd', () => {
  const text = describeRun(runOf('a'), '/logs');
  for (const part of [
    'http://localhost:8080/dashboard',
    'site-1-partition-a',
    'http://127.0.0.1:12379',
    '3.6.14',
  ])
    expect(text).toContain(part);
});

test('the summary tells how to run demonstrations, or why there are none', () => {
  expect(describeRun(runOf('a'), '/logs')).not.toContain('Demos');
  expect(describeRun({ ...runOf('a'), demos: { pid: 1, port: 2 } }, '/logs')).toMatch(
    /Demos +npx seqd demo /,
  );
  const none = describeRun({ ...runOf('a'), demos: { pid: 0, why: 'not built' } }, '/logs');
  expect(none).toMatch(/Demos +none: not built/);
});
