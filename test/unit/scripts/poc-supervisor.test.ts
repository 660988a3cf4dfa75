import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { httpGet } from '../../../scripts/lib/http-get.mjs';
import { projectRoot } from '../../../scripts/lib/paths.mjs';
import { findFreePorts } from '../../../scripts/lib/ports.mjs';
import { commandLineOf } from '../../../scripts/lib/process-info.mjs';
import { resetPocLedger } from '../../../scripts/poc/poc-ledger.mjs';
import type { PocRun } from '../../../scripts/poc/run-file.mjs';
import { query } from '../../kit/postgres.ts';

// The real start script and supervisor; only the program of a node and etcd are stand-ins.
const FAKE_NODE = `
import { createServer } from 'node:http';
if (process.argv[2] === 'migrate') process.exit(process.env.SEQD_LEDGER_URL.startsWith('postgres') ? 0 : 1);
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const { SEQD_NODE_ID: id, SEQD_LEDGER_URL: ledger, SEQD_DEMO_URL: demoUrl, SEQD_DEMO_TOKEN: demoToken } = process.env;
console.log(JSON.stringify({ id, ledger, demoUrl, demoToken, args: process.argv.slice(2) }));
createServer((_, response) => response.end('ok')).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

// Tells what it was told, and passes on what the test orders. It stays when its supervisor has gone, as one that hangs would.
const FAKE_DEMO_HOST = `
import { createServer } from 'node:http';
const { SEQD_DEMO_HOST_PORT: port, SEQD_DEMO_TOKEN: token } = process.env;
const settings = Object.keys(process.env).filter(name => name.startsWith('SEQD_'));
let cluster;
const waiting = new Map();
const heard = [];
process.on('message', message => {
  if (message.type === 'cluster') cluster = message;
  else heard.push(message) && waiting.get(message.id)?.(message);
});
createServer((request, response) => {
  const order = request.url.split('/').slice(2);
  if (request.url === '/told') response.end(JSON.stringify({ cluster, token, settings, heard, pid: process.pid }));
  else if (request.url.startsWith('/order/')) {
    const [action, kind, name] = order;
    const id = waiting.size + 1;
    waiting.set(id, answer => response.end(JSON.stringify(answer)));
    process.send({ type: 'disturb', id, action, target: { kind, name } });
  } else response.writeHead(503).end('{}');
}).listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;
const NODES = 2;

let dir = '';
let etcd: Server;
let endpoint = '';
let port = 0;
let demoHost = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'seqd-supervisor-'));
  // As root PostgreSQL runs as somebody else, who has to come here, too.
  await chmod(dir, 0o755);
  await writeFile(join(dir, 'node.mjs'), FAKE_NODE);
  etcd = createServer((_, response) => response.end('{"health":"true"}'));
  await new Promise<void>(resolve => etcd.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(etcd.address() as AddressInfo).port}`;
  [port = 0] = await findFreePorts(1);
  demoHost = '';
});
afterEach(async () => {
  await poc('--stop');
  await new Promise(resolve => etcd.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

/** Runs the start script to its end. */
function poc(...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise(resolve => {
    const child = launch(args);
    let output = '';
    child.stdout.on('data', chunk => (output += String(chunk)));
    child.stderr.on('data', chunk => (output += String(chunk)));
    child.once('close', code => resolve({ code, output }));
  });
}

function launch(args: readonly string[]) {
  const env = {
    ...process.env,
    SEQD_POC_ENTRY: join(dir, 'node.mjs'),
    SEQD_POC_DATA_DIR: join(dir, 'data'),
    ...(demoHost === '' ? {} : { SEQD_POC_DEMO_HOST: demoHost }),
  };
  return spawn(process.execPath, [join(projectRoot, 'scripts', 'start-poc.mjs'), ...args], { env });
}

const start = (...args: string[]) =>
  poc(
    '--no-open',
    '--detach',
    '--nodes',
    String(NODES),
    '--port',
    String(port),
    '--endpoints',
    endpoint,
    ...(args.includes('--with-ledger') ? [] : ['--no-ledger']),
    ...args.filter(arg => arg !== '--with-ledger'),
  );

const readRunFile = async (): Promise<PocRun> =>
  JSON.parse(await readFile(join(dir, 'data', 'poc', 'run.json'), 'utf8')) as PocRun;

/** False for a zombie, too: in a container nobody may collect those that lost their parent. */
const isAlive = async (pid = 0): Promise<boolean> => (await commandLineOf(pid)) !== undefined;

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) await sleep(20);
}

const pidOf = async (index: number): Promise<number> => (await readRunFile()).nodes[index]?.pid ?? 0;

// Each starts and stops some processes, which takes a busy machine long.
const SLOW = { timeout: 120_000 };

describe.skipIf(process.platform === 'win32')('the demonstration', SLOW, () => {
  test('is ready when a detached start returns, and gone when a stop returns', async () => {
    const started = await start();
    expect(started.code, started.output).toBe(0);
    const run = await readRunFile();
    expect(run.nodes.map(({ id }) => id)).toEqual(['site-1-partition-a', 'site-1-partition-b']);
    for (const { url } of run.nodes) expect((await httpGet(`${url}/readyz`))?.status).toBe(200);

    expect((await poc('--stop')).code).toBe(0);
    for (const { pid } of run.nodes) expect(await isAlive(pid)).toBe(false);
    expect(await isAlive(run.supervisorPid)).toBe(false);
    await expect(readRunFile()).rejects.toThrow('ENOENT');
  });

  test('a node is told who it is, and nothing of the start script’s own variables', async () => {
    await start();
    const log = await readFile(join(dir, 'data', 'poc', 'logs', 'site-1-partition-b.log'), 'utf8');
    expect(JSON.parse(log)).toEqual({
      id: 'site-1-partition-b',
      ledger: 'null',
      demoUrl: 'null',
      demoToken: 'null',
      args: [
        'serve',
        '--profile',
        'ha-poc',
        '--site',
        'site-1',
        '--partition',
        'partition-b',
        '--port',
        String(port + 1),
        '--etcd-endpoints',
        endpoint,
      ],
    });
  });

  test('a second start while running changes nothing', async () => {
    await start();
    const before = await readRunFile();
    const second = await start();
    expect(second.code).toBe(0);
    expect(second.output).toContain('running already');
    expect(await readRunFile()).toEqual(before);
  });

  test('a reset with a given etcd is refused, and neither stops nor deletes anything', async () => {
    await start();
    const before = await readRunFile();
    const own = join(dir, 'data', 'etcd-cluster', 'cluster.json');
    await mkdir(dirname(own), { recursive: true });
    await writeFile(own, '{"token":"t","members":[]}');
    const refused = await start('--reset');
    expect(refused.code, refused.output).toBe(2);
    expect(refused.output).toContain(endpoint);
    expect(await readRunFile()).toEqual(before);
    expect(await readFile(own, 'utf8')).toContain('members');
    for (const { url } of before.nodes) expect((await httpGet(`${url}/readyz`))?.status).toBe(200);
  });

  test('two starts at once make one demonstration', async () => {
    const [first, second] = await Promise.all([start(), start()]);
    expect([first.code, second.code]).toEqual([0, 0]);
    expect([first, second].filter(({ output }) => output.includes('running already'))).toHaveLength(1);
  });

  test('has a PostgreSQL of its own, told to the nodes, started again when it dies, kept over a restart', async () => {
    const started = await start('--with-ledger');
    expect(started.code, started.output).toBe(0);
    expect(started.output).toMatch(/Ledger +PostgreSQL .*demo grade/);
    const { ledger } = await readRunFile();
    const log = await readFile(join(dir, 'data', 'poc', 'logs', 'site-1-partition-a.log'), 'utf8');
    expect(JSON.parse(log)).toMatchObject({ ledger: ledger!.url });
    await query(ledger!.url!, 'CREATE TABLE kept (n integer)');

    process.kill(ledger!.pid!, 'SIGKILL');
    await until(async () => {
      const { pid = 0, url = '' } = (await readRunFile()).ledger!;
      return pid !== 0 && pid !== ledger!.pid && (await query(url, 'SELECT * FROM kept')).length === 0;
    });

    // What a supervisor leaves behind is ended before another begins: one database has one server.
    process.kill((await readRunFile()).supervisorPid, 'SIGKILL');
    const left = (await readRunFile()).ledger!.pid;
    expect((await start('--with-ledger')).code).toBe(0);
    expect(await isAlive(left)).toBe(false);
    const { pid, url } = (await readRunFile()).ledger!;
    expect(await query(url!, 'SELECT * FROM kept')).toEqual([]);

    await poc('--stop');
    expect(await isAlive(pid)).toBe(false);
    await resetPocLedger(join(dir, 'data'));
    expect(await readdir(join(dir, 'data', 'postgres'))).toEqual([]);
  });

  test('goes on without a ledger that does not run, and says so', async () => {
    await mkdir(join(dir, 'data', 'postgres', 'data'), { recursive: true });
    await writeFile(join(dir, 'data', 'postgres', 'data', 'PG_VERSION'), '18');
    const started = await start('--with-ledger');
    expect(started.code, started.output).toBe(0);
    expect(started.output).toMatch(/Ledger +none: .*password/);
  });

  test('a node killed with SIGKILL is started again, and the run file knows its new id', async () => {
    await start();
    const killed = await pidOf(0);
    process.kill(killed, 'SIGKILL');
    await until(async () => ![0, killed].includes(await pidOf(0)));
    const { url = '' } = (await readRunFile()).nodes[0] ?? {};
    await until(async () => (await httpGet(`${url}/readyz`))?.status === 200);
  });

  test('another program under a recorded id is left alone', async () => {
    await start();
    const run = await readRunFile();
    await poc('--stop');
    const forged = structuredClone(run);
    forged.supervisorPid = process.pid;
    for (const node of forged.nodes) node.pid = process.pid;
    await writeFile(join(dir, 'data', 'poc', 'run.json'), JSON.stringify(forged));
    const stopped = await poc('--stop');
    expect(stopped.output).toContain('not running');
    await expect(readRunFile()).rejects.toThrow('ENOENT');
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'a foreground start that gets a %s ends everything',
    async signal => {
      const front = launch(['--no-open', '--nodes', '1', '--port', String(port), '--endpoints', endpoint]);
      await until(async () => (await readRunFile()).state === 'ready');
      const run = await readRunFile();
      front.kill(signal);
      await until(async () => !(await isAlive(run.supervisorPid)));
      expect(await isAlive(run.nodes[0]?.pid)).toBe(false);
      await expect(readRunFile()).rejects.toThrow('ENOENT');
    },
  );

  test('a busy port is named, with another one to use', async () => {
    const blocker = createServer();
    await new Promise<void>(resolve => blocker.listen(port, '127.0.0.1', resolve));
    const refused = await start();
    await new Promise(resolve => blocker.close(resolve));
    expect(refused.code).toBe(1);
    expect(refused.output).toContain(`port ${port} is in use`);
    expect(refused.output).toContain(`--port ${port + 1_000}`);
  });

  test('a node that cannot run fails the start with the end of its log', async () => {
    await writeFile(join(dir, 'node.mjs'), 'throw new Error("no such setting")');
    const failed = await start();
    expect(failed.code).toBe(1);
    expect(failed.output).toContain('no such setting');
    await expect(readRunFile()).rejects.toThrow('ENOENT');
  });
});

describe.skipIf(process.platform === 'win32')('demonstrations', SLOW, () => {
  beforeEach(async () => {
    demoHost = join(dir, 'demo-host.mjs');
    await writeFile(demoHost, FAKE_DEMO_HOST);
  });

  interface Told {
    readonly cluster?: Record<string, unknown>;
    readonly token: string;
    readonly settings: readonly string[];
    readonly heard: readonly object[];
    readonly pid: number;
  }

  const ask = async (path: string): Promise<unknown> => {
    const { demos } = await readRunFile();
    return JSON.parse((await httpGet(`http://127.0.0.1:${demos?.port}${path}`, 10_000))?.body ?? 'null');
  };
  const told = async (): Promise<Told> => (await ask('/told')) as Told;
  const nodeLog = async (): Promise<Record<string, string>> =>
    JSON.parse(
      (await readFile(join(dir, 'data', 'poc', 'logs', 'site-1-partition-a.log'), 'utf8')).split('\n', 1)[0]!,
    ) as Record<string, string>;
  const supervisorLog = (): Promise<string> =>
    readFile(join(dir, 'data', 'poc', 'logs', 'supervisor.log'), 'utf8');
  const NODE = 'node/site-1-partition-a';

  test('run in a process of their own, which knows the cluster, and the nodes know it', async () => {
    const started = await start();
    expect(started.code, started.output).toBe(0);
    expect(started.output).toMatch(/Demos +npx seqd demo/);
    const run = await readRunFile();
    const { cluster, token, settings } = await told();
    expect(cluster).toEqual({
      type: 'cluster',
      nodes: run.nodes.map(({ id, site, partition, url }) => ({ id, site, partition, url })),
      members: [],
      endpoints: [endpoint],
      cluster: 'ha-poc',
      canPause: true,
    });
    expect(settings).toEqual(['SEQD_DEMO_HOST_PORT', 'SEQD_DEMO_TOKEN']);
    const { demoUrl, demoToken } = await nodeLog();
    expect([demoUrl, demoToken]).toEqual([`http://127.0.0.1:${run.demos!.port}`, token]);

    // Whoever knows the token may kill nodes: it is in the processes that need it and nowhere else.
    expect(token).toHaveLength(32);
    expect(started.output + (await supervisorLog()) + JSON.stringify(run)).not.toContain(token);

    expect((await poc('--stop')).code).toBe(0);
    expect(await isAlive(run.demos!.pid)).toBe(false);
  });

  test('break what is ours, and nothing else', async () => {
    await start();
    const killed = await pidOf(0);
    expect(await ask(`/order/kill/${NODE}`)).toMatchObject({ type: 'disturbed', ok: true });
    await until(async () => ![0, killed].includes(await pidOf(0)));
    // This etcd was there before.
    for (const target of ['etcd/etcd-1', 'node/site-9', 'etcd/site-1-partition-a'])
      expect(await ask(`/order/kill/${target}`)).toMatchObject({ ok: false, why: 'not ours' });
  });

  test('leave nothing broken behind when their process is killed, and come back, hearing of no order but their own', async () => {
    // Takes longer to stop than its process has.
    const slow = FAKE_NODE.replace('() => process.exit(0)', '() => setTimeout(process.exit, 1_000)');
    await writeFile(join(dir, 'node.mjs'), slow);
    await start();
    const { pid } = await told();
    void ask(`/order/stop/${NODE}`).catch(() => {});
    await until(async () => (await supervisorLog()).includes('is stopped for a demonstration'));
    process.kill(pid, 'SIGKILL');
    await until(async () => (await supervisorLog()).includes('is as it was before the demonstration'));
    // The run file is written a moment later.
    await until(async () => (await pidOf(0)) !== 0);
    await until(async () => (await told()).pid !== pid && (await told()).cluster !== undefined);
    // The answer to that order would be taken for one to its own first.
    expect((await told()).heard).toEqual([]);
  });

  test('end with everything else, also while something is paused or stopped', async () => {
    await start();
    await ask(`/order/pause/${NODE}`);
    await ask('/order/stop/node/site-1-partition-b');
    const { nodes, demos } = await readRunFile();
    expect((await poc('--stop')).code).toBe(0);
    for (const pid of [...nodes.map(node => node.pid), demos!.pid]) expect(await isAlive(pid)).toBe(false);
  });

  test('whose supervisor was killed are ended by the next start, with all else that it has left', async () => {
    await start();
    const before = await readRunFile();
    process.kill(before.supervisorPid, 'SIGKILL');
    await until(async () => !(await isAlive(before.supervisorPid)));
    const again = await start();
    expect(again.code, again.output).toBe(0);
    for (const { pid } of [...before.nodes, before.demos!]) expect(await isAlive(pid)).toBe(false);
    expect((await readRunFile()).instance).not.toBe(before.instance);
  });

  test('what was frozen when the supervisor was killed is ended by the next --stop', async () => {
    await start();
    await ask(`/order/pause/${NODE}`);
    const before = await readRunFile();
    process.kill(before.supervisorPid, 'SIGKILL');
    await until(async () => !(await isAlive(before.supervisorPid)));
    expect((await poc('--stop')).code).toBe(0);
    for (const pid of [...before.nodes.map(node => node.pid), before.demos!.pid])
      expect(await isAlive(pid)).toBe(false);
  });

  test.each([
    ['that cannot run', 'throw new Error("no such module")', /Demos +none: /],
    ['that is not there', undefined, /Demos +none: .*is not there/],
  ])('a process %s takes nothing with it, and the start says so', async (_, program, said) => {
    if (program === undefined) await rm(demoHost);
    else await writeFile(demoHost, program);
    const started = await start();
    expect(started.code, started.output).toBe(0);
    expect(started.output).toMatch(said);
    expect(started.output).toContain('there are no demonstrations');
    expect(await nodeLog()).toMatchObject({ demoUrl: 'null', demoToken: 'null' });
  });

  test('are left out with --no-demos', async () => {
    const started = await start('--no-demos');
    expect(started.code, started.output).toBe(0);
    expect(started.output).not.toContain('Demos');
    expect((await readRunFile()).demos).toBeUndefined();
    expect(await nodeLog()).toMatchObject({ demoUrl: 'null' });
  });
});
