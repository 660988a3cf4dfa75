import { afterEach, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/ports/logger.ts';
import { DemoLink } from '../../../../src/server/http/demo-link.ts';
import { until } from '../../../kit/until.ts';
import { fakeDemoHost, type FakeHost, runOf, TOKEN } from './fake-host.ts';

const links: DemoLink[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.close();
});

function linkTo(host: Pick<FakeHost, 'url'>, token = TOKEN, logger = silentLogger): DemoLink {
  const link = new DemoLink({
    url: host.url,
    token,
    logger,
    retryMsMin: 10,
    retryMsMax: 40,
    pingIntervalMs: 50,
  });
  links.push(link);
  link.start();
  return link;
}

test('knows the run at once, and every change of it', async () => {
  const host = await fakeDemoHost();
  host.run = runOf({ id: 'a' });
  const link = linkTo(host);
  expect(link.available).toBe(false);
  let changes = 0;
  const stop = link.onChange(() => (changes += 1));
  await until('the link has seen it', () => link.run()?.id === 'a');
  expect(link.available).toBe(true);
  host.run = runOf({ id: 'a', state: 'passed' });
  await until('the link has seen it', () => link.run()?.state === 'passed');
  expect(changes).toBe(2);
  stop();
  host.run = runOf({ id: 'b' });
  await until('the link has seen it', () => link.run()?.id === 'b');
  expect(changes).toBe(2);
});

test('comes back after the process has died, and knows nothing of its run meanwhile', async () => {
  const host = await fakeDemoHost();
  host.run = runOf({ id: 'a' });
  const link = linkTo(host);
  await until('connected', () => link.available);
  await host.stop();
  await until('disconnected', () => !link.available);
  expect(link.run()).toBeNull();
  host.run = null;
  await host.start();
  await until('connected', () => link.available);
  expect(link.run()).toBeNull();
});

test('with the wrong token there is nothing, and the token is in no log', async () => {
  const host = await fakeDemoHost();
  let logged = '';
  const note = (fields: object, message: string): void => {
    const { err } = fields as { err?: Error };
    logged += `${message} ${JSON.stringify(fields)} ${err?.stack}\n`;
  };
  const link = linkTo(host, 'another-secret-token', { debug: note, info: note, warn: note, error: note });
  await until('the link has seen it', () => logged.split('\n').length > 3);
  expect(link.available).toBe(false);
  expect(logged).toContain('401');
  expect(logged).not.toContain('another-secret-token');
});

test('what is no run breaks the connection, not the node', async () => {
  const host = await fakeDemoHost();
  const link = linkTo(host);
  await until('connected', () => link.available);
  host.run = { nonsense: true } as never;
  await until('disconnected', () => !link.available);
  host.run = runOf({ id: 'b' });
  await until('the link has seen it', () => link.run()?.id === 'b');
});

test('does not connect again once it is closed', async () => {
  const host = await fakeDemoHost();
  const link = linkTo(host);
  await until('connected', () => link.available);
  link.close();
  await until('disconnected', () => !link.available);
  link.start();
  expect(link.available).toBe(false);
});
