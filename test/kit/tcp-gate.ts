import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Stands before a TCP server and passes everything on, until told to lose answers: what the server says is then
 * kept back, and its connection to the client cut as soon as it has said something.
 */
export class TcpGate {
  private readonly server: Server;
  private readonly target: number;
  private readonly sockets = new Set<Socket>();
  private losing = false;
  /** Answers that were lost so far. */
  lost = 0;

  private constructor(target: number) {
    this.target = target;
    this.server = createServer({ noDelay: true }, client => this.serve(client));
  }

  static async start(target: number): Promise<TcpGate> {
    const gate = new TcpGate(target);
    gate.server.listen(0, '127.0.0.1');
    await once(gate.server, 'listening');
    return gate;
  }

  get url(): string {
    const address = this.server.address() as { port: number };
    return `http://127.0.0.1:${address.port}`;
  }

  /** Loses the next answer on each connection that stands now, and cuts it. */
  loseAnswers(): void {
    this.losing = true;
  }

  passAnswers(): void {
    this.losing = false;
  }

  async close(): Promise<void> {
    const closed = once(this.server.close(), 'close');
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private serve(client: Socket): void {
    const upstream = connect({ host: '127.0.0.1', port: this.target, noDelay: true });
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => {
        this.sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', data => {
      if (!this.losing) {
        client.write(data);
        return;
      }
      this.lost += 1;
      client.resetAndDestroy();
    });
  }
}
