import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../../ports/logger.ts';
import { showsBearer } from '../bearer-token.ts';
import { refuseUpgrade } from '../refuse-upgrade.ts';
import {
  type HistoryReport,
  LINK_PATH,
  LINK_PROTOCOL,
  type NodeReport,
  PACE,
  parseLinkRequest,
} from './link-protocol.ts';
import type { NodeActivity } from './node-sampler.ts';
import type { NodeStatus } from './node-status.ts';

/** Ticks that are kept for listeners, a little more than a slow one waits. */
const TICKS_KEPT = 20;
/** Number events of one report. */
const EVENTS_MAX = 40;
/** A listener that has so much unread is stuck. */
const UNREAD_BYTES_MAX = 1024 * 1024;
const REQUEST_BYTES_MAX = 1_024;

interface Listener {
  readonly socket: WebSocket;
  everyMs: number;
  reportedMs: number;
  /** The first tick that it has not been told of. */
  next: number;
}

/** Tells other nodes what this one does. */
export class LinkServer {
  private readonly server: WebSocketServer;
  private readonly token: string;
  private readonly deps: { readonly history: () => HistoryReport; readonly logger: Logger };
  private readonly listeners = new Set<Listener>();
  private readonly ticks: NodeActivity[] = [];
  /** Of the last of {@link ticks}. */
  private tick = 0;

  constructor(token: string, deps: LinkServer['deps']) {
    this.token = token;
    this.deps = deps;
    this.server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: REQUEST_BYTES_MAX,
      handleProtocols: protocols => (protocols.has(LINK_PROTOCOL) ? LINK_PROTOCOL : false),
    });
  }

  /** Takes over an upgrade request meant for it; `false` when it is not one. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (request.url !== LINK_PATH) return false;
    if (!showsBearer(request, this.token)) {
      refuseUpgrade(socket, '401 Unauthorized');
      return true;
    }
    this.server.handleUpgrade(request, socket, head, peer => this.serve(peer));
    return true;
  }

  /** Keeps what was done since the last call for those who listen. */
  note(activity: NodeActivity): void {
    this.ticks.push(activity);
    this.tick += 1;
    if (this.ticks.length > TICKS_KEPT) this.ticks.shift();
  }

  /** Reports to those whose time it is. */
  report(nowMs: number, told: { readonly at: number; readonly status: () => NodeStatus }): void {
    const texts = new Map<number, string>();
    let status: NodeStatus | undefined;
    for (const listener of this.listeners) {
      // Timers ring early or late; the mean is kept.
      if (nowMs - listener.reportedMs < listener.everyMs - PACE.fastMs / 2) continue;
      if (listener.socket.bufferedAmount > UNREAD_BYTES_MAX) {
        listener.socket.terminate();
        continue;
      }
      let text = texts.get(listener.next);
      if (text === undefined) {
        status ??= told.status();
        text = JSON.stringify(this.reportSince(listener.next, told.at, status));
        texts.set(listener.next, text);
      }
      listener.socket.send(text);
      listener.reportedMs = nowMs;
      listener.next = this.tick + 1;
    }
  }

  close(): void {
    for (const { socket } of this.listeners) socket.terminate();
    this.listeners.clear();
    this.server.close();
  }

  private reportSince(tick: number, at: number, status: NodeStatus): NodeReport {
    const missed = this.tick - tick + 1;
    const ticks = missed <= 0 ? [] : this.ticks.slice(-missed);
    const events = ticks.flatMap(activity => activity.events);
    const taken = events.slice(-EVENTS_MAX);
    const skipped = ticks.reduce((sum, { eventsSkipped }) => sum + eventsSkipped, 0);
    return {
      type: 'report',
      at,
      samples: ticks.map(({ sample }) => sample),
      events: taken,
      eventsSkipped: skipped + events.length - taken.length,
      status,
    };
  }

  private serve(socket: WebSocket): void {
    const listener: Listener = {
      socket,
      everyMs: PACE.slowMs,
      reportedMs: Number.NEGATIVE_INFINITY,
      next: this.tick + 1,
    };
    this.listeners.add(listener);
    socket.on('close', () => this.listeners.delete(listener));
    socket.on('error', error => this.deps.logger.debug({ err: error }, 'live link failed'));
    socket.on('message', data => {
      try {
        const request = parseLinkRequest((data as Buffer).toString('utf8'));
        if (request.type === 'pace') listener.everyMs = request.everyMs;
        else socket.send(JSON.stringify(this.deps.history()));
      } catch (error) {
        this.deps.logger.warn({ err: error }, 'live link not understood');
        socket.terminate();
      }
    });
  }
}
