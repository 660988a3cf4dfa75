import { execFile } from 'node:child_process';
import type NodeCrypto from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { findFreePorts } from '../../../scripts/lib/ports.mjs';

const PORTS = new URL('../../../scripts/lib/ports.mjs', import.meta.url);
const run = promisify(execFile);
/** What the next calls try first, in this order. */
const tried = vi.hoisted((): number[] => []);

vi.mock('node:crypto', async importOriginal => {
  const crypto = await importOriginal<typeof NodeCrypto>();
  return {
    ...crypto,
    randomInt: (from: number, to: number) => tried.shift() ?? crypto.randomInt(from, to),
  };
});

test('a port that was given out is not given out again, though nobody listens there yet', async () => {
  const [port] = await findFreePorts(1);
  tried.push(port!);
  expect(await findFreePorts(1)).not.toContain(port);
});

test('a port that another process was given is not given out until that process has ended', async () => {
  const asks = `
    import { findFreePorts } from ${JSON.stringify(PORTS.href)};
    console.log(...(await findFreePorts(2)));
    if (process.argv[1] === 'stay') setInterval(() => {}, 1_000);`;
  const ask = (...args: string[]) => run(process.execPath, ['--input-type=module', '-e', asks, ...args]);
  const staying = ask('stay');
  staying.catch(() => {});
  onTestFinished(() => void staying.child.kill('SIGKILL'));
  const printed = await new Promise<string>(resolve => staying.child.stdout!.once('data', resolve));
  const theirs = printed.trim().split(' ').map(Number);

  tried.push(...theirs);
  const ours = await findFreePorts(2);
  expect(ours.filter(port => theirs.includes(port))).toEqual([]);

  const ended = new Promise(resolve => staying.child.once('exit', resolve));
  staying.child.kill('SIGKILL');
  await ended;
  tried.push(...theirs);
  expect(await findFreePorts(2)).toEqual(theirs);
});

test('a process that was given a port ends when its work is done', async () => {
  const code = `import { findFreePorts } from ${JSON.stringify(PORTS.href)}; await findFreePorts(3);`;
  await run(process.execPath, ['--input-type=module', '-e', code], { timeout: 20_000 });
});

test.each(['127.0.0.1', undefined])('a port that somebody listens on at %s is passed over', async host => {
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>(resolve => server.listen({ port: 0, host }, resolve));
  const { port } = server.address() as AddressInfo;
  tried.push(port);
  expect(await findFreePorts(1)).not.toContain(port);
});

test('says how many it found when there are not enough', async () => {
  const [port] = (await findFreePorts(1)) as [number];
  tried.push(...Array.from({ length: 1_000 }, () => port));
  await expect(findFreePorts(1)).rejects.toThrow('found only 0 of 1 free ports');
});
