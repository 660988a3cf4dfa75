import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../../ports/logger.ts';
import { refuseUpgrade } from '../refuse-upgrade.ts';
import { LIVE_PATH, LIVE_PROTOCOL, type SnapshotFrame } from './live-protocol.ts';
import { isOriginAllowed } from './origin.ts';

/** Limits of what is sent to viewers. */
export interface ViewerLimits {
  readonly viewersMax: number;
  /** Of all viewers together, so that many of them do not cost what few would. */
  readonly framesPerSecondMax: number;
  /** A viewer that has more than this unread, beside its snapshot, gets nothing until it has read it. */
  readonly unreadBytesMax: number;
  /** … and is given up after so long. */
  readonly slowMsMax: number;
  readonly pingMs: number;
  /** Between two snapshots that a viewer asks for. */
  readonly resyncMs: number;
  /** At one time, of all viewers: a snapshot costs far more than a delta. */
  readonly snapshotsMax: number;
}

export const VIEWER_LIMITS: ViewerLimits = {
  viewersMax: 1_000,
  framesPerSecondMax: 250,
  unreadBytesMax: 256 * 1024,
  slowMsMax: 10_000,
  pingMs: 15_000,
  resyncMs: 1_000,
  snapshotsMax: 10,
};

/** Between two deltas, milliseconds: with fewer than one a second nobody would call it live. */
const INTERVAL_MS_MIN = 100;
const INTERVAL_MS_MAX = 1_000;
/** A viewer says only that it missed something. */
const MESSAGE_BYTES_MAX = 1_024;
/** Smaller frames are not worth the processor. */
const COMPRESS_BYTES_MIN = 4_096;
/** Of what compresses a snapshot, as a power of two. */
const WINDOW_BITS = 11;
/** An offer to be compressed for with a smaller window. It is declined (RFC 7692, 5.1), where ws would refuse the connection. */
const SMALLER_WINDOW = /server_max_window_bits\s*=\s*"?(?:[89]|10)\b/;
/** For the last frame to get out, and the viewer's to come. */
const FAREWELL_MS = 100;
const CLOSE = { goingAway: 1001, policy: 1008, broken: 1011 } as const;

/** Where a viewer's frames come from. */
export interface FrameSource {
  hello(intervalMs: number): string;
  snapshot(why: SnapshotFrame['why']): string;
  /** Before the first of several viewers: what is known must be up to date. */
  refresh(): void;
}

interface Viewer {
  readonly socket: WebSocket;
  /** Monotonic time since when it reads too slowly. */
  slowSinceMs: number | undefined;
  resync: boolean;
  /** When it was sent everything, and how much that was. */
  snapshotMs: number;
  snapshotBytes: number;
  alive: boolean;
}

/** The connections of those who watch. */
export class Viewers {
  private readonly server: WebSocketServer;
  private readonly limits: ViewerLimits;
  private readonly deps: {
    readonly source: FrameSource;
    readonly nodeUrls: () => Iterable<string>;
    readonly logger: Logger;
  };
  private readonly viewers = new Set<Viewer>();
  private lastDeltaMs = Number.NEGATIVE_INFINITY;
  private lastPingMs = performance.now();

  constructor(deps: Viewers['deps'], limits: ViewerLimits = VIEWER_LIMITS) {
    this.deps = deps;
    this.limits = limits;
    this.server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: MESSAGE_BYTES_MAX,
      // Answers to pings would pile up for one who sends them and reads nothing.
      autoPong: false,
      // Only snapshots are compressed, one by one. What compresses them stays with the viewer all the same: 24 KB, with these figures,
      // where it would be 256; and figures and facts, which are much alike, become no larger for it.
      perMessageDeflate: {
        threshold: COMPRESS_BYTES_MIN,
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: WINDOW_BITS,
        zlibDeflateOptions: { level: 4, memLevel: 5 },
      },
      handleProtocols: protocols => (protocols.has(LIVE_PROTOCOL) ? LIVE_PROTOCOL : false),
    });
  }

  get count(): number {
    return this.viewers.size;
  }

  /** Between deltas: as often as all viewers together may be sent frames. */
  get intervalMs(): number {
    const ms = (this.viewers.size * 1_000) / this.limits.framesPerSecondMax;
    const steps = Math.ceil(ms / INTERVAL_MS_MIN) * INTERVAL_MS_MIN;
    return Math.min(INTERVAL_MS_MAX, Math.max(INTERVAL_MS_MIN, steps));
  }

  /** Takes over an upgrade request meant for viewers; `false` when it is not one. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (pathOf(request) !== LIVE_PATH) return false;
    const { host, origin } = request.headers;
    const offered = request.headers['sec-websocket-protocol'] ?? '';
    if (!isOriginAllowed(origin, { host, nodeUrls: this.deps.nodeUrls() })) {
      refuseUpgrade(socket, '403 Forbidden', 'This page is not from a node of this cluster.');
    } else if (!offered.split(',').some(name => name.trim() === LIVE_PROTOCOL)) {
      refuseUpgrade(socket, '400 Bad Request', `Name the subprotocol ${LIVE_PROTOCOL}.`);
    } else if (this.viewers.size >= this.limits.viewersMax) {
      refuseUpgrade(
        socket,
        '503 Service Unavailable',
        'This node has as many viewers as it may; try another one.',
      );
    } else {
      if (SMALLER_WINDOW.test(request.headers['sec-websocket-extensions'] ?? ''))
        delete request.headers['sec-websocket-extensions'];
      this.server.handleUpgrade(request, socket, head, viewer => this.tryWelcome(viewer));
    }
    return true;
  }

  /** Whether a delta is due. */
  isDue(nowMs: number): boolean {
    // Timers ring early or late; the mean is kept.
    return this.viewers.size > 0 && nowMs - this.lastDeltaMs >= this.intervalMs - INTERVAL_MS_MIN / 2;
  }

  /** Sends a frame to all who keep up; to those who did not and now do, everything. */
  broadcast(text: string, nowMs: number): void {
    this.lastDeltaMs = nowMs;
    const frame = Buffer.from(text);
    for (const viewer of this.viewers) {
      if (viewer.slowSinceMs !== undefined) continue;
      const unread = viewer.socket.bufferedAmount - viewer.snapshotBytes;
      if (unread > this.limits.unreadBytesMax) viewer.slowSinceMs = nowMs;
      else viewer.socket.send(frame, { binary: false, compress: false });
    }
  }

  /** Sends snapshots that are due, gives up who is too slow or dead. To be called often, after {@link broadcast}. */
  attend(nowMs: number): void {
    const { slowMsMax, resyncMs, pingMs, snapshotsMax } = this.limits;
    let snapshots = 0;
    const ping = nowMs - this.lastPingMs >= pingMs;
    if (ping) this.lastPingMs = nowMs;
    // A copy: those who are served move to the end.
    const all = [...this.viewers];
    for (const viewer of all) {
      const { socket, slowSinceMs } = viewer;
      const caughtUp = slowSinceMs !== undefined && socket.bufferedAmount === 0;
      const asks = viewer.resync && slowSinceMs === undefined && nowMs - viewer.snapshotMs >= resyncMs;
      if (caughtUp || asks) {
        // Who comes after so many waits for the next time.
        if (snapshots < snapshotsMax) {
          snapshots += 1;
          viewer.slowSinceMs = undefined;
          this.sendSnapshot(viewer, caughtUp ? 'slow' : 'resync', nowMs);
          // Last in turn, so that those who ask all the time do not keep others waiting.
          this.viewers.delete(viewer);
          this.viewers.add(viewer);
        }
      } else if (slowSinceMs !== undefined && nowMs - slowSinceMs > slowMsMax) {
        this.drop(viewer);
      }
      if (!ping) continue;
      if (!viewer.alive) this.drop(viewer);
      else {
        viewer.alive = false;
        socket.ping();
      }
    }
  }

  /** Everybody gets a snapshot: the past has changed. */
  resyncAll(): void {
    for (const viewer of this.viewers) viewer.resync = true;
  }

  close(): void {
    const sockets = [...this.viewers].map(({ socket }) => socket);
    for (const socket of sockets) socket.close(CLOSE.goingAway, 'this node ends');
    setTimeout(() => {
      for (const socket of sockets) socket.terminate();
    }, FAREWELL_MS);
    this.viewers.clear();
    this.server.close();
  }

  /** Whatever goes wrong with what is shown must not end the process: nobody above would catch it. */
  private tryWelcome(socket: WebSocket): void {
    try {
      this.welcome(socket);
    } catch (error) {
      this.deps.logger.error({ err: error }, 'live stream: a viewer could not be served');
      socket.close(CLOSE.broken, 'this node has nothing to show');
    }
  }

  private welcome(socket: WebSocket): void {
    // What broke the rules of WebSockets is told by ws with a close code.
    socket.on('error', error => this.deps.logger.debug({ err: error }, 'viewer connection failed'));
    if (this.viewers.size === 0) this.deps.source.refresh();
    const nowMs = performance.now();
    const viewer: Viewer = {
      socket,
      slowSinceMs: undefined,
      resync: false,
      snapshotMs: nowMs,
      snapshotBytes: 0,
      alive: true,
    };
    this.viewers.add(viewer);
    socket.on('close', () => this.viewers.delete(viewer));
    socket.on('pong', () => (viewer.alive = true));
    socket.on('ping', data => {
      if (socket.bufferedAmount <= this.limits.unreadBytesMax) socket.pong(data);
    });
    socket.on('message', (data, isBinary) => {
      if (!isBinary && isResync((data as Buffer).toString('utf8'))) viewer.resync = true;
      else socket.close(CLOSE.policy, 'only {"type":"resync"} is understood');
    });
    socket.send(this.deps.source.hello(this.intervalMs), { compress: false });
    this.sendSnapshot(viewer, 'hello', nowMs);
  }

  private sendSnapshot(viewer: Viewer, why: SnapshotFrame['why'], nowMs: number): void {
    viewer.resync = false;
    viewer.snapshotMs = nowMs;
    const snapshot = Buffer.from(this.deps.source.snapshot(why));
    viewer.snapshotBytes = snapshot.length;
    viewer.socket.send(snapshot, { binary: false, compress: true });
  }

  private drop(viewer: Viewer): void {
    this.viewers.delete(viewer);
    viewer.socket.terminate();
  }
}

function isResync(text: string): boolean {
  try {
    return (JSON.parse(text) as { type?: unknown } | null)?.type === 'resync';
  } catch {
    return false;
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0]!;
}
