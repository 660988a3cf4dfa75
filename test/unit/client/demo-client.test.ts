import type { ServerResponse } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { DemoClient } from '../../../src/client/demo-client.ts';
import type { DemoRun } from '../../../src/demo/demo-run.ts';
import { runOf } from '../server/demo/fake-host.ts';
import { answer, deadUrl, fakeNode, refuse } from './fake-node.ts';

const clients: DemoClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function clientOf(...urls: readonly string[]): DemoClient {
  const client = new DemoClient({ urls, patienceMs: 300, silenceMsMax: 100 });
  clients.push(client);
  return client;
}

const lines = (response: ServerResponse, ...runs: readonly DemoRun[]): void => {
  response.writeHead(200).write(runs.map(run => `${JSON.stringify(run)}\n`).join(''));
};

async function statesOf(runs: AsyncIterable<DemoRun>): Promise<string[]> {
  const states: string[] = [];
  for await (const { state } of runs) states.push(state);
  return states;
}

it('leaves a node that stands still in the middle of a run', async () => {
  const still = await fakeNode(response => lines(response, runOf()));
  const other = await fakeNode(response => {
    lines(response, runOf({ state: 'passed' }));
    response.end();
  });
  const states = await statesOf(clientOf(still.url, other.url).follow(runOf()));
  expect(states).toEqual(['running', 'running', 'passed']);
});

it('takes a line in pieces, and one with letters cut in two', async () => {
  const text = Buffer.from(`${JSON.stringify(runOf({ title: 'Größe', state: 'passed' }))}\n`);
  const cut = text.indexOf(Buffer.from('ö')) + 1;
  const node = await fakeNode(response => {
    response.writeHead(200).write(text.subarray(0, cut));
    setTimeout(() => response.end(text.subarray(cut)), 20);
  });
  const runs = [];
  for await (const run of clientOf(node.url).follow(runOf())) runs.push(run);
  expect(runs.at(-1)).toMatchObject({ title: 'Größe', state: 'passed' });
});

it('gives up when nobody has known of the run for long enough, and at once when it is lost', async () => {
  const client = clientOf(await deadUrl(), await deadUrl());
  await expect(statesOf(client.follow(runOf()))).rejects.toMatchObject({ code: 'unreachable' });
  const node = await fakeNode(response => refuse(response, 'route_not_found'));
  await expect(statesOf(clientOf(node.url).follow(runOf()))).rejects.toMatchObject({
    code: 'route_not_found',
  });
  expect(node.seen).toHaveLength(1);
});

it('gives up, too, when nodes answer and say nothing', async () => {
  const node = await fakeNode(response => void response.writeHead(200).end('a line too few'));
  await expect(statesOf(clientOf(node.url).follow(runOf()))).rejects.toMatchObject({ code: 'bad_response' });
});

it('tells what a node has answered rather than that another does not', async () => {
  const node = await fakeNode(response => refuse(response, 'demo_unavailable'));
  const urls = [node.url, await deadUrl(), await deadUrl()];
  await expect(clientOf(...urls).catalogue()).rejects.toMatchObject({ code: 'demo_unavailable' });
  await expect(statesOf(clientOf(...urls).follow(runOf()))).rejects.toMatchObject({
    code: 'demo_unavailable',
  });
});

it('waits for demonstrations that are being started', async () => {
  const node = await fakeNode((response, index) => {
    if (index === 0) refuse(response, 'demo_unavailable');
    else answer(response, { demos: [], current: null, last: [] });
  });
  expect(await clientOf(node.url).catalogue()).toMatchObject({ demos: [] });
});

it('does not take the run of somebody else for its own', async () => {
  let posts = 0;
  const node = await fakeNode((response, _index, { method }) => {
    if (method === 'GET')
      answer(response, { demos: [], current: runOf({ startedAt: Date.now() - 60_000 }), last: [] });
    else if ((posts += 1) === 1) response.destroy();
    else refuse(response, 'demo_running');
  });
  await expect(clientOf(node.url).start('failover', {})).rejects.toMatchObject({ code: 'demo_running' });
});

it('does not start a run again that has ended before the attempt that broke off is repeated', async () => {
  let posts = 0;
  const node = await fakeNode((response, _index, { method }) => {
    if (method === 'GET')
      answer(response, {
        demos: [],
        current: null,
        last: [runOf({ state: 'passed', startedAt: Date.now() })],
      });
    else if ((posts += 1) === 1) response.destroy();
    else answer(response, runOf({ id: 'a second one' }));
  });
  expect(await clientOf(node.url).start('failover', {})).toMatchObject({ state: 'passed' });
  expect(posts).toBe(1);
});
