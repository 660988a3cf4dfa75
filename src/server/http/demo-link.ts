import { WebSocket } from 'ws';
import type { DemoRun } from '../../demo/demo-run.ts';
import type { Logger } from '../../ports/logger.ts';

/** What the live stream shows of demonstrations. */
export interface DemoFeed {
  /** Whether the demonstrations' process can be reached. */
  readonly available: boolean;
  /** The run that goes on, else the last one; `null` before the first one, and while nothing is known. */
  run(): DemoRun | null;
  /** Calls back after each change of `available` or `run`; returns how to stop that. */
  onChange(listener: () => void): () => void;
}

/** How a link is set up; times in milliseconds. */
export interface DemoLinkOptions {
  readonly url: string;
  readonly token: string;
  readonly logger: Logger;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly retryMsMin?: number;
  readonly retryMsMax?: number;
  readonly pingIntervalMs?: number;
}

const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 2_000;
/** A host that has not answered a ping when the next one is due is gone or stuck. */
const PING_INTERVAL_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RUN_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Hears every change of a run from the demonstrations' process, over one WebSocket that is opened again, after growing random pauses,
 * whenever it breaks. States: created → `start` → connecting ⇄ connected → `close`.
 */
export class DemoLink implements DemoFeed {
  private readonly options: DemoLinkOptions;
  private readonly listeners = new Set<() => void>();
  private socket: WebSocket | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private closed = false;
  private connected = false;
  private current: DemoRun | null = null;

  constructor(options: DemoLinkOptions) {
    this.options = options;
  }

  get available(): boolean {
    return this.connected;
  }

  run(): DemoRun | null {
    return this.current;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Begins to connect; returns at once. */
  start(): void {
    if (this.closed || this.socket !== undefined || this.timer !== undefined) return;
    this.connect();
  }

  /** Ends the connection, for good. Idempotent. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.terminate();
  }

  private connect(): void {
    this.timer = undefined;
    const { url, token, pingIntervalMs = PING_INTERVAL_MS } = this.options;
    const socket = new WebSocket(`${url.replace(/^http/, 'ws').replace(/\/$/, '')}/runs`, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      perMessageDeflate: false,
      maxPayload: RUN_BYTES_MAX,
    });
    this.socket = socket;
    let heard = true;
    const pings = setInterval(() => {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (!heard) socket.terminate();
      else socket.ping();
      heard = false;
    }, pingIntervalMs);
    const hear = (): void => {
      heard = true;
    };
    socket.on('pong', hear);
    socket.on('open', () => {
      this.failures = 0;
      this.options.logger.info({ url }, 'demonstrations connected');
    });
    socket.on('message', data => {
      hear();
      this.receive(socket, (data as Buffer).toString('utf8'));
    });
    // `close` follows.
    socket.on('error', error =>
      this.options.logger.debug({ err: error, url }, 'demonstrations: connection failed'),
    );
    socket.on('close', () => {
      clearInterval(pings);
      this.socket = undefined;
      this.lose();
      this.retry();
    });
  }

  /** What it says first, and whenever something changes, is the whole run; only then it can be told to be there. */
  private receive(socket: WebSocket, text: string): void {
    if (this.closed) return;
    try {
      this.current = parseRun(text);
    } catch (error) {
      this.options.logger.warn({ err: error }, 'demonstrations: run not understood');
      socket.terminate();
      return;
    }
    this.connected = true;
    this.tell();
  }

  private lose(): void {
    if (!this.connected) return;
    this.connected = false;
    // Without its process a run does not go on, and what became of it is not known.
    this.current = null;
    if (!this.closed) this.options.logger.warn({ url: this.options.url }, 'demonstrations disconnected');
    this.tell();
  }

  private retry(): void {
    if (this.closed) return;
    const { retryMsMin = RETRY_MS_MIN, retryMsMax = RETRY_MS_MAX, random = Math.random } = this.options;
    const pauseMs =
      Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.failures, 10)) * (0.5 + random() / 2);
    this.failures += 1;
    this.timer = setTimeout(() => this.connect(), pauseMs);
    this.timer.unref();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

/** @throws when it is no run and not `null` either */
function parseRun(text: string): DemoRun | null {
  const run = JSON.parse(text) as Partial<DemoRun> | null;
  if (run === null) return null;
  if (
    typeof run !== 'object' ||
    typeof run.id !== 'string' ||
    typeof run.state !== 'string' ||
    !Array.isArray(run.steps)
  )
    throw new TypeError('this is no run of a demonstration');
  return run as DemoRun;
}
