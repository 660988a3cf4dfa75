import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient, nextBody } from '../kit/http-client.ts';
import { startTestNodes, verifyCluster } from '../kit/nodes.ts';
import { until } from '../kit/until.ts';

const http = new HttpClient();
let cluster: string;
let nodes: SeqdNode[] = [];

beforeEach(async () => {
  cluster = uniqueCluster();
  nodes = await startTestNodes(2, { endpoints: sharedEndpoints(), cluster });
});

afterEach(async () => {
  for (const node of nodes) {
    await node.drain({ deadlineMs: performance.now() + 2_000 });
    await node.close();
  }
});

afterAll(() => http.close());

describe('the page', () => {
  test('may load from its own node only, and connect to the streams of the nodes that are there', async () => {
    await until('the first node knows the second', async () => {
      const { body } = await http.get(`${nodes[0]!.url}/health`);
      return body.cluster.nodes.length === nodes.length;
    });
    const { status, headers } = await http.get(`${nodes[0]!.url}/dashboard/`);
    expect(status).toBe(200);
    const policy = String(headers['content-security-policy']);
    const directives = new Map(
      policy.split(';').map(directive => {
        const [name = '', ...values] = directive.trim().split(/\s+/);
        return [name, values];
      }),
    );
    expect(directives.get('default-src')).toEqual(["'none'"]);
    expect(directives.get('script-src')).toEqual(["'self'"]);
    expect(directives.get('style-src')).toEqual(["'self'"]);
    expect(directives.get('frame-ancestors')).toEqual(["'none'"]);
    const streams = nodes.map(node => node.url.replace(/^http/, 'ws'));
    expect(new Set(directives.get('connect-src'))).toEqual(new Set(["'self'", ...streams]));
    expect(headers['strict-transport-security']).toBeUndefined();
  });

  test('gets the charts library compressed, and nothing else of its package', async () => {
    const { url } = nodes[0]!;
    const plain = await http.get(`${url}/dashboard/vendor/uPlot.iife.min.js`);
    expect(plain.status).toBe(200);
    expect(plain.body).toContain('uPlot');
    const packed = await fetch(`${url}/dashboard/vendor/uPlot.iife.min.js`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(await packed.text()).toBe(plain.body);
    for (const path of ['uPlot.d.ts', 'uPlot.cjs.js', '../package.json', '%2e%2e/package.json', ''])
      expect((await http.get(`${url}/dashboard/vendor/${path}`)).status, path).toBe(404);
  });
});

describe('GET /api/v1/verify', () => {
  test('makes the proof that seqd verify makes, at any node', async () => {
    for (let i = 0; i < 5; i += 1) await http.post(`${nodes[0]!.url}/api/v1/sequence/next`, nextBody());
    const proof = await verifyCluster(sharedEndpoints(), cluster);
    for (const { url } of nodes) {
      const { status, body } = await http.get(`${url}/api/v1/verify`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ complete: true, first: 1, last: 5, numbers: 5, issued: 5, holes: 0 });
      expect(body.chain).toBe(proof.chain);
      expect(body.batches).toBe(proof.batches);
    }
  });

  test('covers what was drawn before the question, however many ask at once', async () => {
    const { url } = nodes[0]!;
    await http.post(`${url}/api/v1/sequence/next`, nextBody());
    const first = http.get(`${url}/api/v1/verify`);
    const { body: drawn } = await http.post(`${url}/api/v1/sequence/next`, nextBody());
    const later = await Promise.all([1, 2, 3].map(() => http.get(`${url}/api/v1/verify`)));
    expect((await first).body.complete).toBe(true);
    for (const { body } of later) expect(body.last).toBeGreaterThanOrEqual(drawn.sequenceNumber);
  });

  test('has nothing to object to in a series without numbers', async () => {
    const { body } = await http.get(`${nodes[1]!.url}/api/v1/verify`);
    expect(body).toMatchObject({ complete: true, numbers: 0, holes: 0, problems: [] });
  });

  test('is asked by GET', async () => {
    const answer = await http.post(`${nodes[0]!.url}/api/v1/verify`, {});
    expect(answer.status).toBe(405);
    expect(answer.headers['allow']).toBe('GET');
  });
});
