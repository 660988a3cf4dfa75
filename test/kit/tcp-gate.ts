import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** How much of what a client says first is kept to know it by. */
const HEAD_MAX = 4_096;

interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  /** The beginning of what the client said. */
  head: string;
  held: boolean;
  /** What was read when the link was held already, in order. */
  readonly kept: (() => void)[];
}

/**
 * Stands before a TCP server and passes everything on, until told to lose answers, when what the server says is
 * kept back and its connection to the client cut as soon as it has said something; or to hold connections.
 */
export class TcpGate {
  private readonly server: Server;
  private readonly target: number;
  private readonly links = new Set<Link>();
  private losing = false;
  private cuts: ((head: string) => boolean) | undefined;
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

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Loses the next answer on each connection that stands now, and cuts it. */
  loseAnswers(): void {
    this.losing = true;
  }

  passAnswers(): void {
    this.losing = false;
  }

  /**
   * Holds connections in both directions, old and new ones, as a network does that loses every packet: nobody is
   * told, and after `mend` what was sent meanwhile arrives.
   *
   * @param which by the beginning of what the client said; default all
   */
  cut(which: (head: string) => boolean = () => true): void {
    this.cuts = which;
    for (const link of this.links) this.judge(link);
  }

  mend(): void {
    this.cuts = undefined;
    for (const link of this.links) {
      link.held = false;
      for (const pass of link.kept.splice(0)) pass();
      link.client.resume();
      link.upstream.resume();
    }
  }

  async close(): Promise<void> {
    const closed = once(this.server.close(), 'close');
    for (const { client, upstream } of this.links) {
      client.destroy();
      upstream.destroy();
    }
    await closed;
  }

  private serve(client: Socket): void {
    const upstream = connect({ host: '127.0.0.1', port: this.target, noDelay: true });
    const link: Link = { client, upstream, head: '', held: false, kept: [] };
    this.links.add(link);
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => {
        this.links.delete(link);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', data => {
      if (link.head.length < HEAD_MAX) link.head += data.toString('latin1');
      this.judge(link);
      this.pass(link, () => upstream.write(data));
    });
    client.on('end', () => this.pass(link, () => upstream.end()));
    upstream.on('data', data => this.pass(link, () => this.answer(client, data)));
  }

  private judge(link: Link): void {
    if (link.held || this.cuts?.(link.head) !== true) return;
    link.held = true;
    link.client.pause();
    link.upstream.pause();
  }

  private pass(link: Link, work: () => void): void {
    if (link.held) link.kept.push(work);
    else work();
  }

  private answer(client: Socket, data: Buffer): void {
    if (!this.losing) {
      client.write(data);
      return;
    }
    this.lost += 1;
    client.resetAndDestroy();
  }
}
