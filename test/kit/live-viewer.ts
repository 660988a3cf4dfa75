import { WebSocket } from 'ws';
import {
  type DeltaFrame,
  LIVE_PATH,
  LIVE_PROTOCOL,
  type LiveEvent,
  type LiveFrame,
  type LiveView,
  type SnapshotFrame,
} from '../../src/server/live/live-protocol.ts';
import { until } from './until.ts';

/** One who watches the live stream, and keeps all frames. */
export class LiveViewer {
  readonly frames: LiveFrame[] = [];
  readonly events: LiveEvent[] = [];
  /** As the frames so far have it; `undefined` before the first snapshot. */
  view: LiveView | undefined;
  /** How the connection ended; `undefined` while it lasts. */
  end: { readonly code: number; readonly reason: string } | undefined;
  private readonly socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', data => this.take(JSON.parse((data as Buffer).toString('utf8')) as LiveFrame));
    socket.on('close', (code, reason) => (this.end = { code, reason: reason.toString('utf8') }));
  }

  /** Resolves once there is a snapshot. */
  static async connect(nodeUrl: string, headers: Record<string, string> = {}): Promise<LiveViewer> {
    const viewer = new LiveViewer(openSocket(nodeUrl, { headers }));
    await until('a snapshot', () => viewer.view ?? viewer.end, { intervalMs: 5 });
    return viewer;
  }

  get deltas(): DeltaFrame[] {
    return this.frames.filter(frame => frame.type === 'delta');
  }

  get snapshots(): SnapshotFrame[] {
    return this.frames.filter(frame => frame.type === 'snapshot');
  }

  send(text: string | Buffer): void {
    this.socket.send(text);
  }

  resync(): void {
    this.send('{"type":"resync"}');
  }

  /** Reads nothing any more until {@link resume}. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Waits for an event of a kind. */
  event(kind: string, what: (event: LiveEvent) => boolean = () => true): Promise<LiveEvent> {
    return until(`event ${kind}`, () => this.events.find(event => event.kind === kind && what(event)));
  }

  close(): void {
    this.socket.terminate();
  }

  private take(frame: LiveFrame): void {
    this.frames.push(frame);
    if (frame.type === 'snapshot') {
      this.view = frame.view;
      this.events.splice(0, Number.POSITIVE_INFINITY, ...frame.events);
    } else if (frame.type === 'delta') {
      this.view = { ...this.view!, ...frame.changes };
      this.events.push(...frame.events);
    }
  }
}

/** A connection to a node's stream, or to another path of it, as it comes. */
export function openSocket(
  nodeUrl: string,
  options: { headers?: Record<string, string>; protocol?: string; path?: string; compress?: boolean } = {},
): WebSocket {
  const { headers = {}, protocol = LIVE_PROTOCOL, path = LIVE_PATH, compress = true } = options;
  const socket = new WebSocket(`${nodeUrl.replace(/^http/, 'ws')}${path}`, protocol, {
    headers,
    perMessageDeflate: compress,
  });
  socket.on('error', () => {});
  return socket;
}

/** Whether the numbers of all frames after the first snapshot rise by one, or begin anew with a snapshot. */
export function gapsIn(frames: readonly LiveFrame[]): string[] {
  const gaps: string[] = [];
  let seq: number | undefined;
  for (const frame of frames) {
    if (frame.type === 'snapshot') seq = frame.seq;
    else if (frame.type !== 'hello' && seq !== undefined) {
      if (frame.seq !== seq + 1) gaps.push(`${seq} is followed by ${frame.seq}`);
      seq = frame.seq;
    }
  }
  return gaps;
}
