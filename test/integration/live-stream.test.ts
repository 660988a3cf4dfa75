import { once } from 'node:events';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import type { SeqdNode } from '../../src/node.ts';
import type { LiveEvent, LiveView } from '../../src/server/live/live-protocol.ts';
import { LINK_PATH, LINK_PROTOCOL } from '../../src/server/live/link-protocol.ts';
import { ownCluster, sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { gapsIn, LiveViewer, openSocket } from '../kit/live-viewer.ts';
import { NodeFleet } from '../kit/node-process.ts';
import { createTestNode, startTestNodes } from '../kit/nodes.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { until } from '../kit/until.ts';

const http = new HttpClient();
let viewers: LiveViewer[] = [];

beforeEach(() => {
  viewers = [];
});

afterEach(() => {
  for (const viewer of viewers) viewer.close();
});

afterAll(() => http.close());

async function watch(url: string, headers?: Record<string, string>): Promise<LiveViewer> {
  const viewer = await LiveViewer.connect(url, headers);
  viewers.push(viewer);
  return viewer;
}

function textOf(event: LiveEvent): string {
  return event.category === 'number' ? '' : event.text;
}

/** All but those about the machine that the tests run on. */
function alertsOf({ alerts }: LiveView): string[] {
  return alerts.map(({ id }) => id).filter(id => !id.startsWith('event-loop:'));
}

/** Draws until told to stop. */
function startLoad(api: SequenceApi, clients = 4): { stop(): Promise<void> } {
  const stop = new AbortController();
  const loops = Array.from({ length: clients }, async () => {
    while (!stop.signal.aborted) {
      await api.next();
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  });
  return {
    stop: async () => {
      stop.abort();
      await Promise.all(loops);
    },
  };
}

describe('three nodes of a cluster', () => {
  let cluster: string;
  let nodes: SeqdNode[];
  let apis: SequenceApi[];

  beforeEach(async () => {
    cluster = uniqueCluster();
    nodes = await startTestNodes(3, { endpoints: sharedEndpoints(), cluster });
    apis = nodes.map(node => new SequenceApi(node.url, http));
  });

  afterEach(async () => {
    for (const viewer of viewers) viewer.close();
    await Promise.all(nodes.map(node => node.close()));
  });

  test('a draw at one node shows at another one within a second, as number, event and rate', async () => {
    const viewer = await watch(nodes[2]!.url);
    const { body } = await apis[1]!.next({ count: 3, reference: 'INV-1' });
    const startedMs = performance.now();
    const event = await viewer.event('issue', seen => 'reference' in seen && seen.reference === 'INV-1');
    await until('the numbers', () => viewer.view!.numbers.issued === 3, { intervalMs: 5 });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(event).toMatchObject({
      category: 'number',
      numbers: [{ first: 1, last: 3 }],
      count: 3,
      site: 'site-1',
      allocationId: body.allocationId,
      node: 'node-1',
    });
    await until('the sample', () =>
      viewer.deltas.some(({ samples }) => samples.some(({ numbers }) => numbers > 0)),
    );
    await until('the rate', () =>
      viewer.deltas.some(({ changes }) => (changes.traffic?.numbersPerSecond ?? 0) > 0),
    );
  });

  test('frames are numbered without a gap over 80 deltas, at most ten a second', async () => {
    const viewer = await watch(nodes[0]!.url);
    const [hello, snapshot] = viewer.frames;
    expect(hello).toMatchObject({ type: 'hello', node: 'node-1', protocol: 'seqd.live.1', intervalMs: 100 });
    expect(snapshot).toMatchObject({ type: 'snapshot', why: 'hello', seq: hello!.seq });
    const load = startLoad(apis[1]!);
    await until('80 deltas', () => viewer.deltas.length >= 80, { timeoutMs: 60_000 });
    await load.stop();
    expect(gapsIn(viewer.frames)).toEqual([]);
    const { deltas } = viewer;
    const steps = deltas.flatMap(({ samples }) => samples.map(({ t }) => t));
    expect(steps.every((t, i) => i === 0 || steps[i - 1] === t - 100)).toBe(true);
    // By the node's clock: what it sends evenly may arrive in heaps.
    expect((deltas.length - 1) * 100).toBeLessThanOrEqual(deltas.at(-1)!.at - deltas[0]!.at + 100);
    expect(steps[0]! - viewer.snapshots[0]!.history.minute.t.at(-1)!).toBe(100);
  });

  test('a viewer that missed something is given everything again', async () => {
    const viewer = await watch(nodes[0]!.url);
    viewer.resync();
    const snapshot = await until('a snapshot', () => viewer.snapshots[1]);
    expect(snapshot.why).toBe('resync');
    await until('another frame', () => viewer.frames.at(-1)!.seq > snapshot.seq);
    expect(gapsIn(viewer.frames)).toEqual([]);
  });

  test('at rest every node shows what stats say', async () => {
    await Promise.all(apis.map(api => Promise.all(Array.from({ length: 20 }, () => api.next({ count: 2 })))));
    const { body } = await apis[0]!.next({ invoiceType: 'off-cycle' });
    const released = await apis[1]!.release(body.sequenceNumber, { invoiceType: 'off-cycle' });
    expect(released.status).toBe(200);
    const { body: stats } = await apis[2]!.get('/api/v1/sequence/stats');
    for (const node of nodes) {
      const viewer = await watch(node.url);
      const found = await until(
        'the same',
        () => {
          const { numbers, owners } = viewer.view!;
          return numbers.sequence === stats.journal.sequence &&
            JSON.stringify(owners.byType) === JSON.stringify(stats.byType)
            ? viewer.view
            : undefined;
        },
        { timeoutMs: 5_000 },
      );
      const { next, start, maximum, issued, pooled, reserved, holes, bySite, byPartition, byType } = stats;
      expect(found.numbers).toMatchObject({ next, start, maximum, issued, pooled, reserved, holes });
      expect(found.numbers).toMatchObject({ void: stats.void, chain: stats.journal.chain });
      expect(found.numbers.revision).toBeGreaterThan(0);
      expect(found.owners).toEqual({ bySite, byPartition, byType });
      expect(found.leader?.node).toBe(stats.cluster.leader);
      expect(found.vocabulary).toEqual(stats.vocabulary);
      expect(found.nodes.map(({ id, state }) => [id, state])).toEqual(nodes.map(({ id }) => [id, 'serving']));
      expect(found.members.filter(({ healthy, revision }) => healthy && revision! > 0)).toHaveLength(3);
      expect(found.nodes.every(({ leaseMs }) => leaseMs! > 0 && leaseMs! <= 60_000)).toBe(true);
      expect(alertsOf(found)).toEqual([]);
    }
  });

  test('a leader that leaves is an event, and so is who leads next', async () => {
    const first = await watch(nodes[0]!.url);
    const { node: leads } = await until('a leader', () => first.view!.leader);
    const leader = nodes.find(({ id }) => id === leads)!;
    const viewer = await watch(nodes.find(({ id }) => id !== leads)!.url);
    await until(
      'all serve',
      () => viewer.view!.nodes.filter(({ state }) => state === 'serving').length === 3,
    );
    await leader.drain({ deadlineMs: 2_000 });
    await leader.close();
    const changed = await viewer.event('leader:changed', event =>
      textOf(event).includes(`instead of ${leads}`),
    );
    expect(changed).toMatchObject({ category: 'cluster', mark: true });
    await viewer.event('node:left', event => textOf(event).includes(leads));
    expect(viewer.view!.nodes.find(({ id }) => id === leads)!.state).toBe('gone');
    expect(viewer.view!.leader!.node).not.toBe(leads);
  });

  test('history and events outlive the restart of the node that serves them', async () => {
    const load = startLoad(apis[1]!);
    await new Promise(resolve => setTimeout(resolve, 300));
    await load.stop();
    // What was done just now the others do not tell at once: they add it up a second later.
    await nodes[2]!.close();
    nodes[2] = createTestNode({ endpoints: sharedEndpoints(), cluster, index: 2 });
    await nodes[2].start();
    const viewer = await watch(nodes[2].url);
    const { events } = await until('the past', () =>
      viewer.snapshots.find(({ history }) =>
        [history.minute, history.fiveMinutes].every(({ numbers }) => Math.max(...numbers) > 0),
      ),
    );
    expect(events.some(({ kind }) => kind === 'issue')).toBe(true);
    expect(gapsIn(viewer.frames)).toEqual([]);
  });

  test.each([
    ['the page of another site', { headers: { origin: 'https://evil.example' } }, 403],
    ['a program without the subprotocol', { protocol: 'seqd.live.999' }, 400],
  ])('%s is refused', async (_who, options, status) => {
    const socket = openSocket(nodes[0]!.url, options);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(status);
    socket.terminate();
  });

  test('pages of all nodes are welcome at each of them', async () => {
    const first = await watch(nodes[0]!.url);
    await until('all are known', () => first.view!.nodes.length === nodes.length);
    for (const { url } of nodes) {
      const viewer = await watch(nodes[0]!.url, { origin: url.replace('127.0.0.1', 'localhost') });
      expect(viewer.view).toBeDefined();
    }
  });

  test.each([
    ['text that is no JSON', 'hello', 1008],
    ['another message', '{"type":"subscribe"}', 1008],
    ['bytes', Buffer.from([1, 2, 3]), 1008],
    ['far too much', 'x'.repeat(5_000), 1009],
  ])('%s ends a viewer with a code, and disturbs no other one', async (_what, nonsense, code) => {
    const other = await watch(nodes[0]!.url);
    const viewer = await watch(nodes[0]!.url);
    viewer.send(nonsense);
    const end = await until('the end', () => viewer.end);
    expect(end.code).toBe(code);
    const { length } = other.frames;
    await until('more frames', () => other.frames.length > length + 2);
    expect(gapsIn(other.frames)).toEqual([]);
  });

  test.each([{}, { authorization: 'Bearer guessed' }])(
    'what a node does is told to nobody without its token: %j',
    async headers => {
      const socket = openSocket(nodes[0]!.url, { headers, path: LINK_PATH, protocol: LINK_PROTOCOL });
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
      expect(response.statusCode).toBe(401);
      socket.terminate();
    },
  );
});

test('a killed node is silent at once, then gone, and back when it is started again', async () => {
  const fleet = await NodeFleet.start(3, { endpoints: sharedEndpoints(), cluster: uniqueCluster() });
  try {
    const viewer = await watch(fleet.nodes[2]!.url);
    const state = (id: string): string | undefined => viewer.view!.nodes.find(node => node.id === id)?.state;
    await until('all serve', () => fleet.nodes.every(({ id }) => state(id) === 'serving'));
    const leader = await fleet.leader(fleet.nodes[2]);
    const victim = leader === fleet.nodes[2] ? fleet.nodes[0]! : leader;
    await victim.kill();
    await until('it is silent', () => state(victim.id) === 'silent', { intervalMs: 5 });
    await viewer.event('node:silent', event => textOf(event).includes(victim.id));
    await viewer.event('alert:raised', event => textOf(event).includes(victim.id));
    await until('it is gone', () => state(victim.id) === 'gone');
    await viewer.event('node:left');
    await victim.start();
    await victim.ready();
    await until('it serves', () => state(victim.id) === 'serving');
    expect(gapsIn(viewer.frames)).toEqual([]);
  } finally {
    await fleet.close();
  }
});

describe('an etcd of its own', () => {
  let etcd: EtcdCluster;
  let nodes: SeqdNode[] = [];

  beforeEach(async () => {
    etcd = await ownCluster();
  });

  afterEach(async () => {
    for (const viewer of viewers) viewer.close();
    await Promise.all(nodes.map(node => node.close()));
    await etcd.close();
  });

  test('viewers are served on without a quorum, old ones and new ones, and told when it is over', async () => {
    nodes = await startTestNodes(2, { endpoints: etcd.endpoints, cluster: uniqueCluster() });
    const api = new SequenceApi(nodes[0]!.url, http);
    await api.next();
    const viewer = await watch(nodes[1]!.url);
    await until('the number', () => viewer.view!.numbers.issued === 1);
    await Promise.all(etcd.members.slice(0, 2).map(member => member.kill()));
    const alerts = (): string[] => alertsOf(viewer.view!);
    await until('the alert', () => alerts().includes('quorum-lost'));
    await viewer.event('member:lost');
    expect((await api.next()).status).toBe(503);
    await until('the error', () =>
      viewer.deltas.some(({ samples }) => samples.some(({ errors }) => errors > 0)),
    );
    const late = await watch(nodes[0]!.url);
    expect(late.view!.numbers.issued).toBe(1);
    await until('the same alert', () => late.view!.alerts.some(({ id }) => id === 'quorum-lost'));
    for (const member of etcd.members) await member.start();
    await etcd.ready();
    await until('it is over', () => alerts().length === 0);
    await until('all members have caught up', () => {
      const { members, numbers } = viewer.view!;
      return members.every(
        ({ revision = 0, behindRevisions }) => revision >= numbers.revision && behindRevisions === 0,
      );
    });
    await viewer.event('alert:cleared');
    await viewer.event('member:back');
    expect(gapsIn(viewer.frames)).toEqual([]);
  });
});
