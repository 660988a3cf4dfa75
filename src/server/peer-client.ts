import { connect as connectTcp } from 'node:net';
import { WebSocket } from 'ws';
import type { NodeInfo } from '../ports/coordination.ts';
import { type ForwardMessage, type ForwardReply, PeerUnreachableError, type Peers } from '../ports/peers.ts';
import { parseHttpUrl } from './http-url.ts';
import { decodeForwardReply, encodeForward, PEER_PATH, PEER_PROTOCOL } from './peer-protocol.ts';

/** Times of a peer connection, milliseconds. */
export interface PeerClientOptions {
  readonly connectTimeoutMs: number;
  /** How often a peer that owes an answer is pinged. */
  readonly pingIntervalMs: number;
  /** A peer that owes an answer and says nothing for this long is given up: it is paused or cut off. */
  readonly silenceMaxMs: number;
}

/**
 * How much later than the sender's patience an answer may come: a leader refuses what it could not do within the
 * budget it was given, and its refusal has to travel.
 */
const ANSWER_MARGIN_MS = 1_000;

/** A node's event loop is never blocked for long, so a peer silent for this long will not answer in time. */
export const PEER_DEFAULTS: PeerClientOptions = {
  connectTimeoutMs: 300,
  pingIntervalMs: 100,
  silenceMaxMs: 400,
};

/** Forwards over one warm WebSocket per peer. */
export class WebSocketPeers implements Peers {
  private readonly options: PeerClientOptions;
  private readonly links = new Map<string, PeerLink>();

  constructor(options: PeerClientOptions = PEER_DEFAULTS) {
    this.options = options;
  }

  async forward(node: NodeInfo, message: ForwardMessage): Promise<ForwardReply> {
    let link = this.links.get(node.instance);
    if (link === undefined || link.ended) {
      if (parseHttpUrl(node.url) === undefined)
        throw new PeerUnreachableError(
          `${node.id} is registered with an address that is none: ${node.url}`,
          true,
        );
      const made = new PeerLink(node, this.options, () => {
        if (this.links.get(node.instance) === made) this.links.delete(node.instance);
      });
      link = made;
      this.links.set(node.instance, link);
    }
    return link.forward(message);
  }

  async close(): Promise<void> {
    for (const link of this.links.values()) link.end(new PeerUnreachableError('closing', false));
    this.links.clear();
  }
}

interface Waiting {
  /** Monotonic milliseconds; past it the forward counts as unanswered. */
  readonly untilMs: number;
  resolve(reply: ForwardReply): void;
  reject(error: PeerUnreachableError): void;
}

/**
 * One connection to one peer process. States: connecting → open → ended; never reopened. When it ends, every
 * forward without an answer is rejected.
 */
class PeerLink {
  ended = false;
  private readonly node: NodeInfo;
  private readonly options: PeerClientOptions;
  private readonly onEnd: () => void;
  private readonly socket: WebSocket;
  private readonly opened: Promise<void>;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  /** When the peer last said anything, … */
  private heardAtMs = 0;
  /** … and ticks of the watchdog since. */
  private silentTicks = 0;
  private watchdog: NodeJS.Timeout | undefined;

  constructor(node: NodeInfo, options: PeerClientOptions, onEnd: () => void) {
    this.node = node;
    this.onEnd = onEnd;
    this.options = options;
    const url = new URL(PEER_PATH, node.url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.socket = new WebSocket(url, PEER_PROTOCOL, {
      headers: { authorization: `Bearer ${node.peerToken}` },
      handshakeTimeout: options.connectTimeoutMs,
      perMessageDeflate: false,
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', error => {
        const gone = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
        reject(new PeerUnreachableError(`${node.id} cannot be reached: ${error.message}`, gone, error));
      });
    });
    this.opened.catch((error: PeerUnreachableError) => this.end(error));
    this.socket.on('message', data => this.receive((data as Buffer).toString('utf8')));
    this.socket.on('pong', () => this.heard());
    this.socket.on('error', () => {});
    this.socket.on('close', () => void this.closedByPeer());
  }

  async forward(message: ForwardMessage): Promise<ForwardReply> {
    await this.opened;
    if (this.ended) throw new PeerUnreachableError(`the connection to ${this.node.id} has ended`, false);
    return new Promise((resolve, reject) => {
      this.lastId += 1;
      if (this.waiting.size === 0) this.heard();
      const untilMs = performance.now() + message.budgetMs + ANSWER_MARGIN_MS;
      this.waiting.set(this.lastId, { untilMs, resolve, reject });
      this.socket.send(encodeForward(this.lastId, message));
      this.watchdog ??= setInterval(() => this.watch(), this.options.pingIntervalMs);
    });
  }

  end(error: PeerUnreachableError): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.watchdog);
    this.socket.terminate();
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
    this.onEnd();
  }

  private receive(text: string): void {
    this.heard();
    let answer: { id: number; reply: ForwardReply };
    try {
      answer = decodeForwardReply(text);
    } catch (error) {
      // A peer of another version, or none of ours: what it made of the requests is not known.
      this.end(new PeerUnreachableError(`${this.node.id} answers what we do not understand`, false, error));
      return;
    }
    const { id, reply } = answer;
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    waiting?.resolve(reply);
  }

  private heard(): void {
    this.heardAtMs = performance.now();
    this.silentTicks = 0;
  }

  /**
   * Of a silence only as much counts as there were ticks, each of which pings: when this process has stood still itself, its
   * timers ring before it reads what has arrived meanwhile. Between two ticks it reads.
   */
  private watch(): void {
    if (this.waiting.size === 0) {
      clearInterval(this.watchdog);
      this.watchdog = undefined;
      return;
    }
    const { pingIntervalMs, silenceMaxMs } = this.options;
    this.silentTicks += 1;
    const silentMs = Math.min(performance.now() - this.heardAtMs, this.silentTicks * pingIntervalMs);
    if (silentMs >= silenceMaxMs) {
      this.end(new PeerUnreachableError(`${this.node.id} says nothing`, false));
      return;
    }
    this.socket.ping();
    // An answer that lies here unread, for the same reason, has come in time.
    setImmediate(() => this.giveUpLate());
  }

  /** A peer that answers pings may be stuck all the same. The connection stays: others may get their answers. */
  private giveUpLate(): void {
    const nowMs = performance.now();
    for (const [id, waiting] of this.waiting) {
      if (waiting.untilMs > nowMs) continue;
      this.waiting.delete(id);
      waiting.reject(
        new PeerUnreachableError(`${this.node.id} is alive but has not answered in time`, false),
      );
    }
  }

  /** Whether the process is gone or only the connection is decided by knocking once more. */
  private async closedByPeer(): Promise<void> {
    if (this.ended) return;
    const gone = await isRefused(new URL(this.node.url), this.options.connectTimeoutMs);
    this.end(new PeerUnreachableError(`the connection to ${this.node.id} broke`, gone));
  }
}

function isRefused(url: URL, timeoutMs: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connectTcp({ host: url.hostname, port: Number(url.port), timeout: timeoutMs });
    const done = (refused: boolean): void => {
      socket.destroy();
      resolve(refused);
    };
    socket.once('connect', () => done(false));
    socket.once('timeout', () => done(false));
    socket.once('error', error => done((error as NodeJS.ErrnoException).code === 'ECONNREFUSED'));
  });
}
