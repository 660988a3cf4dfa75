import { WebSocket } from 'ws';
import type { Logger } from '../../ports/logger.ts';
import type { NodeInfo } from '../../ports/coordination.ts';
import {
  LINK_BYTES_MAX,
  LINK_PATH,
  LINK_PROTOCOL,
  type LinkMessage,
  type LinkRequest,
  parseLinkMessage,
} from './link-protocol.ts';

const CONNECT_TIMEOUT_MS = 1_000;
/** A node that has said nothing for so long is connected to anew. */
const SILENCE_MS_MAX = 4_000;
/** Between attempts: doubled each time, and scattered so that not all nodes come at once. */
const RETRY_MS = { min: 100, max: 2_000 } as const;

/** What a link tells its owner. */
export interface LinkEvents {
  /** Connected, for the first time or again. */
  opened(): void;
  received(message: LinkMessage): void;
}

/**
 * Listens to one other node process, for as long as that is registered.
 *
 * States: `connecting` → `open` → `waiting` (it broke or could not be made) → `connecting` …, and `closed` for good.
 */
export class Link {
  private readonly node: NodeInfo;
  private readonly events: LinkEvents;
  private readonly logger: Logger;
  private socket: WebSocket | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private failures = 0;
  private heardMs: number | undefined;
  private openedMs = 0;
  private closed = false;

  constructor(node: NodeInfo, events: LinkEvents, logger: Logger) {
    this.node = node;
    this.events = events;
    this.logger = logger;
    this.connect();
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Milliseconds since the node last said something; infinite before the first time. */
  silentMs(nowMs: number): number {
    return this.heardMs === undefined ? Number.POSITIVE_INFINITY : nowMs - this.heardMs;
  }

  send(request: LinkRequest): void {
    if (this.isOpen) this.socket!.send(JSON.stringify(request));
  }

  /**
   * Gives up a connection over which nothing comes. To be called now and then.
   *
   * @param awakeMs since when this process has been able to listen
   */
  watch(nowMs: number, awakeMs: number): void {
    const sinceMs = Math.max(this.openedMs, this.heardMs ?? 0, awakeMs);
    if (this.isOpen && nowMs - sinceMs > SILENCE_MS_MAX) this.socket!.terminate();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retryTimer);
    this.socket?.terminate();
  }

  private connect(): void {
    const url = new URL(LINK_PATH, this.node.url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, LINK_PROTOCOL, {
      headers: { authorization: `Bearer ${this.node.peerToken}` },
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      perMessageDeflate: false,
      maxPayload: LINK_BYTES_MAX,
    });
    this.socket = socket;
    socket.on('open', () => {
      this.openedMs = performance.now();
      this.events.opened();
    });
    socket.on('message', data => this.receive((data as Buffer).toString('utf8')));
    socket.on('error', error => {
      if (this.failures === 0)
        this.logger.debug({ err: error, node: this.node.id }, 'live link to another node failed');
    });
    socket.on('close', () => this.retry());
  }

  private receive(text: string): void {
    if (this.closed) return;
    try {
      const message = parseLinkMessage(text);
      // Taking it in is tried, too: a node of another version must not end this one.
      this.events.received(message);
    } catch (error) {
      // Said once, not with each of the attempts that follow.
      const fields = { err: error, node: this.node.id };
      if (this.failures === 0) this.logger.warn(fields, 'live link not understood');
      else this.logger.debug(fields, 'live link not understood');
      this.socket?.terminate();
      return;
    }
    this.heardMs = performance.now();
    this.failures = 0;
  }

  private retry(): void {
    if (this.closed) return;
    const ms = Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** Math.min(this.failures, 10));
    this.failures += 1;
    this.retryTimer = setTimeout(() => this.connect(), ms * (0.5 + Math.random()));
    this.retryTimer.unref();
  }
}
