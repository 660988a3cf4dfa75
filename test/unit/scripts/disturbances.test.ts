import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManagedProcess } from '../../../scripts/lib/managed-process.mjs';
import { type Charge, Disturbances } from '../../../scripts/poc/disturbances.mjs';
import { keepAlive } from '../../../scripts/poc/keep-alive.mjs';
import { until } from '../../kit/until.ts';

// Real processes that do nothing; they end at SIGTERM.
const IDLE = 'setInterval(() => {}, 1_000)';

let directory = '';
const children: ManagedProcess[] = [];
const keepers: { release: () => void }[] = [];
let lines: string[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'seqd-disturb-'));
  lines = [];
});
afterEach(async () => {
  for (const keeper of keepers.splice(0)) keeper.release();
  for (const child of children.splice(0)) await child.kill();
  await rm(directory, { recursive: true, force: true });
});

const log = (line: string): void => {
  lines.push(line);
};

async function startChild(name: string, script = IDLE): Promise<Charge> {
  const logFile = join(directory, `${name}.log`);
  const child = new ManagedProcess({ name, command: process.execPath, args: ['-e', script], logFile });
  children.push(child);
  await child.start();
  const keeper = keepAlive(child, { log, onChange: () => {} });
  keepers.push(keeper);
  return { child, keeper };
}

function disturbing(
  charges: Record<string, Charge>,
  options: { restoreAfterMs?: number; canPause?: boolean } = {},
) {
  const disturbances = new Disturbances({
    find: ({ kind, name }) => charges[`${kind} ${name}`],
    log,
    onChange: () => {},
    ...options,
  });
  let id = 0;
  const order = (action: string, kind: string, name: string) => {
    id += 1;
    return disturbances.carryOut({ type: 'disturb', id, action, target: { kind, name } });
  };
  return { disturbances, order };
}

const refusal = (why: string) => ({ ok: false, why });

describe.skipIf(process.platform === 'win32')('a child that demonstrations disturb', () => {
  test('is started again after a kill, soon also the tenth time', async () => {
    const charge = await startChild('n1');
    const { order } = disturbing({ 'node n1': charge });
    for (let time = 0; time < 6; time += 1) {
      const killed = charge.child.pid;
      expect(await order('kill', 'node', 'n1')).toMatchObject({ type: 'disturbed', ok: true });
      await until('it runs again', () => charge.child.alive && charge.child.pid !== killed, {
        timeoutMs: 2_000,
      });
    }
    expect(lines.filter(line => line.includes('starting again in 250 ms'))).toHaveLength(6);
    expect(lines).toContain('n1 was killed');
  });

  test('stays down after a stop, until it is started', async () => {
    const charge = await startChild('etcd-1');
    const { disturbances, order } = disturbing({ 'etcd etcd-1': charge });
    expect(await order('stop', 'etcd', 'etcd-1')).toMatchObject({ ok: true });
    expect([charge.child.alive, disturbances.broken]).toEqual([false, ['etcd etcd-1']]);
    await new Promise(resolve => setTimeout(resolve, 600));
    expect(charge.child.alive).toBe(false);
    expect(await order('start', 'etcd', 'etcd-1')).toMatchObject({ ok: true });
    expect([charge.child.alive, disturbances.broken]).toEqual([true, []]);
    // It is cared for as before.
    const { pid } = charge.child;
    process.kill(pid!, 'SIGKILL');
    await until('it runs again', () => charge.child.alive && charge.child.pid !== pid);
  });

  test('that has crashed and waits to be started stays down after a stop, too', async () => {
    const charge = await startChild('n1');
    const { order } = disturbing({ 'node n1': charge });
    await order('kill', 'node', 'n1');
    await order('stop', 'node', 'n1');
    await new Promise(resolve => setTimeout(resolve, 600));
    expect(charge.child.alive).toBe(false);
    await order('start', 'node', 'n1');
    expect(charge.child.alive).toBe(true);
  });

  test('stands still after a pause, until it may go on', async () => {
    const charge = await startChild('n1');
    const { disturbances, order } = disturbing({ 'node n1': charge });
    expect(await order('pause', 'node', 'n1')).toMatchObject({ ok: true });
    expect([charge.child.paused, disturbances.broken]).toEqual([true, ['node n1']]);
    expect(await order('resume', 'node', 'n1')).toMatchObject({ ok: true });
    expect([charge.child.paused, disturbances.broken]).toEqual([false, []]);
  });

  test('is put right when whoever broke it is gone, also what was ordered last', async () => {
    const [stopped, paused, late] = [await startChild('a'), await startChild('b'), await startChild('c')];
    const { disturbances, order } = disturbing({ 'etcd a': stopped, 'node b': paused, 'node c': late });
    await Promise.all([order('stop', 'etcd', 'a'), order('pause', 'node', 'b')]);
    const last = order('stop', 'node', 'c');
    await disturbances.restore();
    await last;
    expect([stopped.child.alive, paused.child.paused, late.child.alive]).toEqual([true, false, true]);
    expect(disturbances.broken).toEqual([]);
  });

  test('is put right after a time, whoever forgot it', async () => {
    const charge = await startChild('n1');
    const { disturbances, order } = disturbing({ 'node n1': charge }, { restoreAfterMs: 50 });
    await order('stop', 'node', 'n1');
    await until('it runs again', () => charge.child.alive);
    expect(disturbances.broken).toEqual([]);
    expect(lines.join('\n')).toContain('was left broken by a demonstration');
  });

  test('is not touched while everything is being stopped', async () => {
    const charge = await startChild('n1');
    const { disturbances, order } = disturbing({ 'node n1': charge }, { restoreAfterMs: 30 });
    // Done at once, so that the time cannot pass before the end is near, however busy the machine is.
    await order('pause', 'node', 'n1');
    disturbances.close();
    for (const action of ['kill', 'pause', 'stop', 'start', 'resume'])
      expect(await order(action, 'node', 'n1')).toMatchObject(refusal('the demonstration is stopping'));
    await disturbances.restore();
    await new Promise(resolve => setTimeout(resolve, 100));
    expect([charge.child.alive, charge.child.paused]).toEqual([true, true]);
  });

  test('must be there', async () => {
    const charge = await startChild('n1');
    const { order } = disturbing({ 'node n1': charge });
    await order('stop', 'node', 'n1');
    expect(await order('kill', 'node', 'n1')).toMatchObject(refusal('n1 is not running'));
    expect(await order('pause', 'node', 'n1')).toMatchObject(refusal('n1 is not running'));
  });
});

test('a system that cannot pause a process says so', async () => {
  const { disturbances, order } = disturbing({ 'node n1': await startChild('n1') }, { canPause: false });
  expect(await order('pause', 'node', 'n1')).toMatchObject(
    refusal('a process cannot be paused on this system'),
  );
  expect(disturbances.broken).toEqual([]);
});

test('only children of ours are disturbed', async () => {
  const { order } = disturbing({ 'node n1': await startChild('n1') });
  expect(await order('kill', 'etcd', 'n1')).toMatchObject(refusal('not ours'));
  expect(await order('kill', 'node', String(process.pid))).toMatchObject(refusal('not ours'));
  expect(await order('kill', 'ledger', 'n1')).toMatchObject(refusal('no such target'));
  expect(await order('delete', 'node', 'n1')).toMatchObject(refusal('unknown action delete'));
});

test('what is no order gets no answer', async () => {
  const { disturbances } = disturbing({});
  for (const message of [null, 'kill', {}, { type: 'disturb' }, { type: 'other', id: 1 }])
    expect(await disturbances.carryOut(message)).toBeUndefined();
  const incomplete = { type: 'disturb', id: 7, action: 'kill' };
  expect(await disturbances.carryOut(incomplete)).toMatchObject({ id: 7, ok: false });
});

test('a child with an IPC channel exchanges messages, and hears of each of its starts', async () => {
  const echo =
    "process.on('message', message => process.send({ echo: message })); process.on('disconnect', () => process.exit())";
  const logFile = join(directory, 'echo.log');
  const child = new ManagedProcess({
    name: 'echo',
    command: process.execPath,
    args: ['-e', echo],
    logFile,
    ipc: true,
  });
  children.push(child);
  const heard: unknown[] = [];
  let starts = 0;
  child.onMessage(message => heard.push(message));
  child.onStart(() => {
    starts += 1;
    child.send({ start: starts });
  });
  child.send({ lost: true });
  await child.start();
  await until('an echo', () => heard.length === 1);
  await child.restart();
  await until('another echo', () => heard.length === 2);
  expect(heard).toEqual([{ echo: { start: 1 } }, { echo: { start: 2 } }]);
});

test('a crash looks like one, and an ordered end stays one', async () => {
  const { child } = await startChild('n1');
  keepers[0]!.release();
  const exits: object[] = [];
  child.onExit(exit => exits.push(exit));
  await child.crash();
  await child.start();
  await Promise.all([child.kill(), child.crash()]);
  expect(exits).toMatchObject([
    { expected: false, ordered: true },
    { expected: true, ordered: false },
  ]);
});
