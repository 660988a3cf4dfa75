import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastClasses } from './http/fast-express.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';

/** Limits of the HTTP server. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** Handles an upgrade; `false` when it is not meant for it. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean;

/** The node's listening socket: `listen` → `close`. */
export class HttpServer {
  private readonly options: HttpServerOptions;
  private readonly server: Server;
  private draining = false;

  constructor(
    options: HttpServerOptions,
    app: (request: IncomingMessage, response: ServerResponse) => void,
    classes: FastClasses,
    upgrade: UpgradeHandler,
  ) {
    this.options = options;
    const settings = {
      ...classes,
      requestTimeout: options.requestTimeoutMs,
      headersTimeout: options.headersTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      // Node looks for connections past these timeouts every 30 s unless told otherwise.
      connectionsCheckingInterval: 1_000,
      noDelay: true,
    };
    this.server = createServer(settings, (request, response) => {
      // A connection that stays open would bring the client's next request to a node that is leaving.
      if (this.draining) response.setHeader('connection', 'close');
      app(request, response);
    });
    this.server.on('upgrade', (request, socket, head) => {
      // Node has taken its own listener off: without one, a client that resets the connection ends the process.
      socket.on('error', () => {});
      if (!upgrade(request, socket, head)) refuseUpgrade(socket, '404 Not Found');
    });
  }

  /** Binds the port and returns it. @throws the system's error, for example `EADDRINUSE` */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Tells clients, with every further answer, to connect elsewhere. */
  drain(): void {
    this.draining = true;
    this.server.closeIdleConnections();
  }

  /** Stops listening and ends what is still connected. */
  async close(): Promise<void> {
    await new Promise<void>(resolve => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}
