import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { DemoCatalogue, DemoDescription, DemoRun, DemoStep } from '../../../../src/demo/demo-run.ts';
import { refuseUpgrade } from '../../../../src/server/refuse-upgrade.ts';

/** A server that speaks the protocol of the demonstrations' process, and runs what the test says. */
export interface FakeHost {
  readonly url: string;
  readonly token: string;
  /** What came over HTTP: `POST /runs/failover {"threads":8}`. */
  readonly seen: string[];
  /** The run that goes on; setting it tells everybody. */
  run: DemoRun | null;
  /** Answers instead of the usual, such as 503. */
  answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Breaks all connections and refuses new ones until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export const TOKEN = 'a-token-of-the-test';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

export async function fakeDemoHost(): Promise<FakeHost> {
  const seen: string[] = [];
  let current: DemoRun | null = null;
  let port = 0;
  const sockets = new Set<WebSocket>();
  const make = () => {
    const server = createServer((request, response) => {
      void handle(request, response);
    });
    const webSockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      if (request.headers.authorization !== `Bearer ${TOKEN}` || request.url !== '/runs') {
        refuseUpgrade(socket, '401 Unauthorized');
        return;
      }
      webSockets.handleUpgrade(request, socket, head, ws => {
        sockets.add(ws);
        ws.on('close', () => sockets.delete(ws));
        ws.send(JSON.stringify(current));
      });
    });
    return server;
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    seen.push(`${request.method} ${request.url}${body === '' ? '' : ` ${body}`}`);
    if (host.answer?.(request, response) === true) return;
    const send = (status: number, value: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return send(401, { code: 'admin_required', detail: 'no' });
    const [, first, id] = request.url!.split('/');
    if (first === 'catalogue') {
      const catalogue: DemoCatalogue = { demos: DEMOS, current, last: [] };
      return send(200, catalogue);
    }
    if (request.method === 'POST') {
      if (current?.state === 'running')
        return send(409, { code: 'demo_running', detail: 'basic is running' });
      host.run = runOf({ name: id!, parameters: JSON.parse(body) as Record<string, number> });
      return send(202, current!);
    }
    if (id !== current?.id) return send(404, { code: 'route_not_found', detail: 'no such run' });
    if (request.method === 'DELETE') host.run = { ...current!, state: 'cancelled', endedAt: Date.now() };
    return send(200, current!);
  };
  let server = make();
  const host: FakeHost = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    token: TOKEN,
    seen,
    get run() {
      return current;
    },
    set run(run) {
      current = run;
      for (const socket of sockets) socket.send(JSON.stringify(run));
    },
    answer: undefined,
    stop: async () => {
      for (const socket of sockets) socket.terminate();
      await new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
    start: async () => {
      server = make();
      await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
      ({ port } = server.address() as AddressInfo);
    },
  };
  await host.start();
  closers.push(() => host.stop());
  return host;
}

const DEMOS: readonly DemoDescription[] = [
  {
    name: 'failover',
    title: 'Kill the leader',
    plan: 'Draws numbers, kills the leading node, waits, verifies.',
    disturbs: 'The leading node is killed.',
    seconds: 15,
    parameters: [
      {
        name: 'requestsPerThread',
        title: 'Requests of each client',
        default: 50,
        minimum: 1,
        maximum: 1_000,
      },
    ],
    unavailable: null,
  },
  {
    name: 'pause',
    title: 'Freeze a node',
    plan: 'Freezes it.',
    disturbs: 'A node stands still.',
    seconds: 5,
    parameters: [],
    unavailable: 'Windows cannot pause a process',
  },
];

/** A run with these facts. */
export function runOf(facts: Partial<DemoRun> = {}): DemoRun {
  return {
    id: 'run-1',
    name: 'failover',
    title: 'Kill the leader',
    plan: 'Kills it.',
    state: 'running',
    parameters: {},
    startedAt: Date.now(),
    endedAt: null,
    steps: [],
    figures: [],
    histogram: null,
    timeline: null,
    verification: null,
    problem: null,
    ...facts,
  };
}

/** A step with these facts. */
export function stepOf(facts: Partial<DemoStep> = {}): DemoStep {
  return { title: 'a step', state: 'running', startedAt: 1, endedAt: null, detail: [], breaks: [], ...facts };
}
