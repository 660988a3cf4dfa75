import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NodeInfo } from '../../../../src/ports/coordination.ts';
import { silentLogger } from '../../../../src/ports/logger.ts';
import { HEARD_MS } from '../../../../src/server/live/history.ts';
import { LinkServer } from '../../../../src/server/live/link-server.ts';
import {
  type HistoryReport,
  LINK_PATH,
  LINK_PROTOCOL,
  type NodeReport,
  parseLinkMessage,
} from '../../../../src/server/live/link-protocol.ts';
import type { LiveHistory } from '../../../../src/server/live/live-protocol.ts';
import { Links } from '../../../../src/server/live/links.ts';
import type { NodeActivity } from '../../../../src/server/live/node-sampler.ts';
import { historyOf, sampleOf, samplesOf } from '../../../kit/live-frames.ts';
import { openSocket } from '../../../kit/live-viewer.ts';
import { until } from '../../../kit/until.ts';
import { info, status } from './live-world.ts';

const CLOCK_AHEAD_MS = 5_000;

/** A node that tells; its clock is five seconds behind ours. */
let teller: LinkServer;
let server: Server;
let node: NodeInfo;
let links: Links;
let reports: NodeReport[];
let histories: HistoryReport[];
let wallMs: number;
let aheadMs: number;
let past: LiveHistory;
let happened: HistoryReport['events'];

beforeEach(async () => {
  reports = [];
  histories = [];
  wallMs = 1_000_000;
  aheadMs = CLOCK_AHEAD_MS;
  past = historyOf({});
  happened = [];
  teller = createTeller();
  server = createServer();
  server.on('upgrade', (request, socket, head) => {
    if (!teller.upgrade(request, socket, head)) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  node = info('node-2', { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  links = new Links({
    self: info('node-1'),
    clock: { now: () => wallMs + aheadMs, monotonicMs: () => performance.now() },
    logger: silentLogger,
    events: {
      reported: report => reports.push(report),
      history: report => histories.push(report),
    },
  });
});

afterEach(async () => {
  links.close();
  teller.close();
  await new Promise(resolve => server.close(resolve));
});

function createTeller(): LinkServer {
  return new LinkServer('token', {
    history: () => ({ type: 'history', at: wallMs, history: past, events: happened }),
    logger: silentLogger,
  });
}

function activity(t: number, events = 0): NodeActivity {
  const sample = {
    t,
    spanMs: 100,
    requests: 1,
    errors: 0,
    numbers: 1,
    batches: 1,
    facts: events,
    latency: [],
  };
  const event = (i: number): NodeActivity['events'][number] => ({
    id: `${t}-${i}`,
    category: 'number',
    at: t,
    kind: 'issue',
    numbers: [],
    count: 1,
    node: 'node-2',
    revision: t,
  });
  return { sample, events: Array.from({ length: events }, (_, i) => event(i)), eventsSkipped: 1 };
}

/** Another tenth of a second passes at the teller. */
function tick(nowMs: number, events = 0): void {
  wallMs += 100;
  teller.note(activity(wallMs, events));
  teller.report(nowMs, { at: wallMs, status: () => status() });
}

async function connect(): Promise<void> {
  links.sync([info('node-1'), node], performance.now());
  await until('the history', () => histories.length === 1, { intervalMs: 2 });
}

describe('a link to another node', () => {
  test('asks for the past once more, when what was under way then is in it, and not again', async () => {
    await connect();
    const nowMs = performance.now() + HEARD_MS;
    links.sync([info('node-1'), node], nowMs);
    await until('the past again', () => histories.length === 2, { intervalMs: 2 });
    links.sync([info('node-1'), node], nowMs + HEARD_MS);
    tick(10_100);
    await until('a report', () => reports.length === 1, { intervalMs: 2 });
    expect(histories).toHaveLength(2);
  });

  test('asks for the past, then hears once a second all that was done, in our own time', async () => {
    await connect();
    tick(10_100);
    await until('a report', () => reports.length === 1, { intervalMs: 2 });
    for (let i = 2; i <= 11; i += 1) tick(10_000 + i * 100);
    await until('two reports', () => reports.length === 2, { intervalMs: 2 });
    expect(reports.map(({ samples }) => samples.length)).toEqual([1, 10]);
    const times = reports.flatMap(({ samples }) => samples.map(({ t }) => t - 1_000_000 - CLOCK_AHEAD_MS));
    expect(times).toEqual(times.map((_, i) => (i + 1) * 100));
    expect(links.reportedThrough(performance.now())).toBe(wallMs + CLOCK_AHEAD_MS);
    expect(links.known(performance.now())).toEqual([{ info: node, status: status(), fresh: true }]);
  });

  test('puts the past into our own time, too, when the clocks are far apart', async () => {
    past = historyOf({ minute: [sampleOf(999_900)], hour: [sampleOf(990_000)] });
    const [fact] = activity(999_800, 1).events;
    const about = (category: 'cluster' | 'demo'): HistoryReport['events'][number] => ({
      id: category,
      category,
      at: 999_900,
      kind: 'leader:changed',
      text: '',
      mark: true,
    });
    happened = [fact!, about('cluster'), about('demo')];
    await connect();
    expect(histories[0]!.events.map(({ at }) => at)).toEqual([
      999_800,
      999_900 + CLOCK_AHEAD_MS,
      999_900 + CLOCK_AHEAD_MS,
    ]);
    const { minute, hour } = histories[0]!.history;
    expect(minute.t).toEqual([999_900 + CLOCK_AHEAD_MS]);
    expect(hour.t.map(t => t % 10_000)).toEqual([0]);
    aheadMs = 900;
    links.sync([], performance.now());
    links.sync([node], performance.now());
    await until('the history again', () => histories.length === 2, { intervalMs: 2 });
    expect(histories[1]).toMatchObject({ history: past, events: happened });
  });

  test('is told ten times a second while somebody watches', async () => {
    links.setFast(true);
    await connect();
    // Both requests are taken in by the time that the second is answered.
    for (let i = 1; i <= 5; i += 1) tick(10_000 + i * 100);
    await until('five reports', () => reports.length === 5, { intervalMs: 2 });
    expect(reports.every(({ samples }) => samples.length === 1)).toBe(true);
  });

  test('gets a selection of the facts, and how many there were', async () => {
    await connect();
    tick(10_000);
    for (let i = 1; i <= 10; i += 1) tick(10_000 + i * 100, 8);
    await until('two reports', () => reports.length === 2, { intervalMs: 2 });
    expect(reports[1]!.events).toHaveLength(40);
    expect(reports[1]!.eventsSkipped).toBe(10 + 40);
  });

  test('that breaks makes the node silent, and is made again', async () => {
    await connect();
    tick(10_000);
    await until('a report', () => reports.length === 1, { intervalMs: 2 });
    teller.close();
    await until('it is silent', () => !links.known(performance.now())[0]!.fresh);
    expect(links.reportedThrough(performance.now())).toBe(Number.POSITIVE_INFINITY);
    teller = createTeller();
    await until('it is asked again', () => histories.length === 2);
    tick(20_000);
    await until('it is heard', () => links.known(performance.now())[0]!.fresh);
  });

  test('is not silent because we stood still ourselves', async () => {
    await connect();
    tick(10_000);
    await until('a report', () => reports.length === 1, { intervalMs: 2 });
    const laterMs = performance.now() + 60_000;
    expect(links.known(laterMs)[0]!.fresh).toBe(false);
    links.sync([node], laterMs);
    expect(links.known(laterMs)[0]!.fresh).toBe(true);
    links.sync([node], laterMs + 400);
    links.sync([node], laterMs + 800);
    expect(links.known(laterMs + 2_600)[0]!.fresh).toBe(false);
  });

  test('finds out when the clocks have moved apart, and in the meantime loses little', async () => {
    let driftMs = 0;
    let monotonicMs = 0;
    links.close();
    links = new Links({
      self: info('node-1'),
      clock: { now: () => wallMs + driftMs, monotonicMs: () => monotonicMs },
      logger: silentLogger,
      events: { reported: report => reports.push(report), history: report => histories.push(report) },
    });
    links.setFast(true);
    await connect();
    for (let i = 1; i <= 300; i += 1) {
      // Their machine was paused for a while: from now on its clock is behind.
      if (i === 50) driftMs = 7_000;
      monotonicMs += 100;
      tick(10_000 + i * 100);
      await until('a report', () => reports.length === i, { intervalMs: 1 });
    }
    expect(reports.at(-1)!.samples[0]!.t).toBe(wallMs + 7_000);
  });

  test('with what cannot be taken in is made anew, ever less often, and ends nothing else', async () => {
    let attempts = 0;
    links.close();
    links = new Links({
      self: info('node-1'),
      clock: { now: () => wallMs, monotonicMs: () => performance.now() },
      logger: silentLogger,
      events: {
        reported: () => {},
        history: () => {
          attempts += 1;
          throw new Error('of another version');
        },
      },
    });
    links.sync([node], performance.now());
    await new Promise(resolve => setTimeout(resolve, 1_500));
    expect(attempts).toBeGreaterThan(1);
    expect(attempts).toBeLessThan(6);
    expect(links.known(performance.now())[0]!.fresh).toBe(false);
  });

  test('is not tried where a node is registered with an address that is none', async () => {
    const none = ['nowhere', '', 'berlin-1:8080', 'foo://h:1'].map((url, i) =>
      info(`node-${i + 3}`, { url }),
    );
    links.sync([...none, node], performance.now());
    await until('the history', () => histories.length === 1, { intervalMs: 2 });
    expect(links.known(performance.now()).map(({ info: { id } }) => id)).toEqual(['node-2']);
  });

  test('ends when the node is registered no more', async () => {
    await connect();
    links.sync([info('node-1')], performance.now());
    expect(links.known(performance.now())).toEqual([]);
  });
});

test.each([
  ['no JSON', 'hello'],
  ['another request', '{"type":"everything"}'],
  ['a pace that nobody can keep', '{"type":"pace","everyMs":1}'],
  ['null', 'null'],
])('%s ends a link', async (_what, text) => {
  const headers = { authorization: 'Bearer token' };
  const socket = openSocket(node.url, { headers, path: LINK_PATH, protocol: LINK_PROTOCOL });
  await once(socket, 'open');
  socket.send(text);
  await once(socket, 'close');
});

describe('a message of a link', () => {
  const REPORT = {
    type: 'report',
    at: 1,
    samples: [activity(100).sample],
    events: activity(100, 1).events,
    eventsSkipped: 0,
    status: status(),
  };
  const HISTORY = { type: 'history', at: 1, events: REPORT.events, history: historyOf({}) };

  test.each([
    ['a report', REPORT],
    ['a report with what a later version adds', { ...REPORT, status: { ...status(), more: [1] }, more: {} }],
    ['the past', HISTORY],
  ])('%s is taken in', (_what, message) => {
    expect(parseLinkMessage(JSON.stringify(message))).toEqual(message);
  });

  test.each<[what: string, message: unknown]>([
    ['nothing', null],
    ['another message', { type: 'gossip' }],
    ['a report without a time', { ...REPORT, at: null }],
    ['a sample without a time', { ...REPORT, samples: [{ ...REPORT.samples[0], t: null }] }],
    ['a sample without a length', { ...REPORT, samples: [{ ...REPORT.samples[0], spanMs: 0 }] }],
    ['a sample without a count', { ...REPORT, samples: [{ ...REPORT.samples[0], numbers: undefined }] }],
    ['an event that is none', { ...REPORT, events: [null] }],
    ['an event without an id', { ...REPORT, events: [{ ...REPORT.events[0], id: 7 }] }],
    ['a status without a ledger', { ...REPORT, status: status({ ledger: null as never }) }],
    ['problems that are no texts', { ...REPORT, status: status({ problems: [{}] as never }) }],
    ['a past without a time', { ...HISTORY, at: undefined }],
    ['a past without columns', { ...HISTORY, history: {} }],
    ['a past that lacks columns', { ...HISTORY, history: { ...HISTORY.history, minute: { t: [] } } }],
    [
      'a past without times',
      { ...HISTORY, history: { ...HISTORY.history, hour: samplesOf(10_000, [sampleOf(Number.NaN)]) } },
    ],
    ['a past with an event that is none', { ...HISTORY, events: [{}] }],
  ])('%s is not', (_what, message) => {
    expect(() => parseLinkMessage(JSON.stringify(message))).toThrow();
  });
});
