import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const host = '127.0.0.1';
const relistenTries = 100;

/** What the proxy does with connections. */
export type FrontMode = 'open' | 'paused' | 'refusing';

/**
 * The proxy's TCP face: relays bytes between clients and the inner HTTP/2 server on `innerPort`, so that a
 * connection can be silenced below HTTP/2 (not even a PING is answered).
 *
 * States: open ⇄ paused ⇄ refusing ⇄ open, and closed from any.
 * - open: bytes flow.
 * - paused: TCP connections are accepted by the kernel and nothing is read or written. Nothing is lost: `open` lets it flow.
 * - refusing: not listening, all connections reset, as if the process had died.
 */
export class Front {
  readonly #innerPort: number;
  readonly #gates = new Set<Gate>();
  #server: Server | undefined;
  #mode: FrontMode = 'open';
  #port = 0;
  /** Mode changes one after the other. */
  #changes: Promise<void> = Promise.resolve();

  constructor(innerPort: number) {
    this.#innerPort = innerPort;
  }

  /** The port listened on; stays the same over `refusing`. */
  get port(): number {
    return this.#port;
  }

  get mode(): FrontMode {
    return this.#mode;
  }

  /** Client connections at the moment. */
  get connectionCount(): number {
    return this.#gates.size;
  }

  /** Changes the mode; resolves when it holds. */
  become(mode: FrontMode): Promise<void> {
    const change = this.#changes.then(() => this.#change(mode));
    this.#changes = change.catch(() => undefined);
    return change;
  }

  /** Resets all client connections. */
  disconnect(): void {
    for (const gate of this.#gates) gate.reset();
    this.#gates.clear();
  }

  async #change(mode: FrontMode): Promise<void> {
    this.#mode = mode;
    if (mode === 'refusing') {
      const server = this.#server;
      this.#server = undefined;
      const closed = server && once(server.close(), 'close');
      this.disconnect();
      await closed;
      return;
    }
    this.#server ??= await this.#listen();
    for (const gate of this.#gates) gate.set(mode === 'open');
  }

  /** Another process can have been given our port while we refused; it is awaited for five seconds. */
  async #listen(): Promise<Server> {
    for (let attempt = 1; ; attempt += 1) {
      const server = createServer({ noDelay: true }, client => this.#accept(client));
      try {
        server.listen(this.#port, host);
        await once(server, 'listening');
        const address = server.address();
        if (address && typeof address === 'object') this.#port = address.port;
        return server;
      } catch (error) {
        if (this.#port === 0 || attempt === relistenTries) throw error;
        await sleep(50);
      }
    }
  }

  #accept(client: Socket): void {
    const gate = new Gate(client, connect({ port: this.#innerPort, host, noDelay: true }));
    this.#gates.add(gate);
    client.once('close', () => this.#gates.delete(gate));
    if (this.#mode === 'refusing') gate.reset();
    else gate.set(this.#mode === 'open');
  }
}

/** One client connection and its inner connection, with bytes flowing between them only while open. */
class Gate {
  readonly #client: Socket;
  readonly #inner: Socket;
  #open = false;

  constructor(client: Socket, inner: Socket) {
    this.#client = client;
    this.#inner = inner;
    client.on('error', () => undefined); // 'close' follows
    inner.on('error', () => undefined); // 'close' follows
    client.on('close', () => inner.destroy());
    inner.on('close', () => {
      if (this.#open) client.destroySoon();
    });
  }

  set(open: boolean): void {
    if (open === this.#open) return;
    this.#open = open;
    if (!open) {
      this.#client.unpipe(this.#inner);
      this.#inner.unpipe(this.#client);
      return;
    }
    this.#client.pipe(this.#inner);
    this.#inner.pipe(this.#client);
    if (this.#inner.closed) this.#client.destroySoon();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#inner.destroy();
  }
}
