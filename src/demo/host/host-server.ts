import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { DemoRefusal, REFUSALS } from '../run/demo-refusal.ts';
import type { DemoRunner } from '../run/demo-runner.ts';
import { messageOf } from '../run/disturber.ts';
import type { RunPushes } from './run-pushes.ts';
import { showsBearer } from '../../server/bearer-token.ts';
import { refuseUpgrade } from '../../server/refuse-upgrade.ts';

const LOOPBACK = '127.0.0.1';
const BODY_BYTES_MAX = 16 * 1024;
const RUNS = '/runs';

/** What the server works with. */
export interface HostServerOptions {
  readonly port: number;
  /** Callers show it as a bearer token. */
  readonly token: string;
  readonly runner: DemoRunner;
  readonly pushes: RunPushes;
}

/** What nodes ask the demonstrations' process, on loopback only: the catalogue, runs, and pushes of each change. */
export class HostServer {
  private readonly options: HostServerOptions;
  private readonly token: string;
  private readonly server: Server;
  private readonly sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: BODY_BYTES_MAX,
  });

  constructor(options: HostServerOptions) {
    this.options = options;
    this.token = options.token;
    this.server = createServer((request, response) => void this.handle(request, response));
    this.server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
  }

  /** @throws the system's error, for example `EADDRINUSE` */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, LOOPBACK, resolve);
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!showsBearer(request, this.token))
        throw new DemoRefusal(REFUSALS.unauthorized, 'the token is missing or wrong');
      const { status, body } = await this.answer(request);
      send(response, status, 'application/json', body);
    } catch (error) {
      const refusal =
        error instanceof DemoRefusal
          ? error
          : new DemoRefusal({ status: 500, code: 'internal' }, messageOf(error));
      const { status, code, message: detail, details } = refusal;
      send(response, status, 'application/problem+json', { code, status, detail, details });
    }
  }

  private async answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const { runner } = this.options;
    const { method = 'GET', url = '/' } = request;
    const path = new URL(url, 'http://host').pathname;
    if (path === '/catalogue') {
      allow(method, ['GET']);
      return { status: 200, body: runner.catalogue() };
    }
    const name = /^\/runs\/([A-Za-z0-9-]{1,64})$/.exec(path)?.[1];
    if (name === undefined) throw new DemoRefusal(REFUSALS.notFound, `there is no ${path}`);
    allow(method, ['GET', 'POST', 'DELETE']);
    if (method === 'POST') return { status: 202, body: runner.start(name, await readFields(request)) };
    return { status: 200, body: method === 'DELETE' ? runner.cancel(name) : runner.find(name) };
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    if (!showsBearer(request, this.token)) refuseUpgrade(socket, '401 Unauthorized');
    else if (request.url !== RUNS) refuseUpgrade(socket, '404 Not Found');
    else this.sockets.handleUpgrade(request, socket, head, viewer => this.options.pushes.add(viewer));
  }
}

function allow(method: string, allowed: readonly string[]): void {
  if (!allowed.includes(method))
    throw new DemoRefusal(REFUSALS.method, `${method} is not allowed here; allowed: ${allowed.join(', ')}`);
}

/** The parameters of a run: a JSON object, or nothing. */
async function readFields(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) throw new DemoRefusal(REFUSALS.tooLarge, 'the parameters are too long');
    chunks.push(chunk);
  }
  if (length === 0) return {};
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    fields = undefined;
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new DemoRefusal(REFUSALS.invalid, 'the parameters must be a JSON object');
  return fields as Record<string, unknown>;
}

function send(response: ServerResponse, status: number, type: string, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
