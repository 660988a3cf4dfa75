import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { passThrough, passUnlessPicked } from './fault-proxy/call.ts';
import { streamMethods } from './fault-proxy/faults.ts';
import type { InjectedFault } from './fault-proxy/faults.ts';
import { Front } from './fault-proxy/front.ts';
import type { FrontMode } from './fault-proxy/front.ts';
import { Link } from './fault-proxy/link.ts';
import { RuleBook } from './fault-proxy/rules.ts';
import type { FaultRule, FaultRuleSpec } from './fault-proxy/rules.ts';
import { Tally } from './fault-proxy/tally.ts';

export { etcdMethod, streamMethods } from './fault-proxy/faults.ts';
export type { Fault, InjectedFault, Loss, SeenCall } from './fault-proxy/faults.ts';
export type { FrontMode } from './fault-proxy/front.ts';
export type { FaultRule, FaultRuleSpec } from './fault-proxy/rules.ts';

/** What to stand in front of. */
export interface FaultProxyOptions {
  /** The member's client URL, plaintext: `http://127.0.0.1:2379`. */
  readonly target: string;
  /** Further stream methods, beside etcd's, that rules leave alone. */
  readonly streamMethods?: readonly string[];
  /**
   * Whether a unary call that no rule has is cancelled upstream when its client cancels or its deadline passes;
   * default true. False runs every unary call to its end upstream. Streams always propagate.
   */
  readonly propagateCancel?: boolean;
}

/** What has gone through a proxy so far. */
export interface FaultProxyStats {
  /** Calls by method path, streams included; those that clients gave up on too. */
  readonly calls: Readonly<Record<string, number>>;
  /** Faults carried out, by kind. */
  readonly injected: Readonly<Partial<Record<InjectedFault['kind'], number>>>;
  /** Faults picked but not carried out, because the upstream gave no answer: such a test has shown nothing. */
  readonly missed: number;
  readonly mode: FrontMode;
  /** Client connections at the moment. */
  readonly connections: number;
}

/** A proxy between one client and one etcd member that loses, delays, repeats and refuses on demand. */
export interface FaultProxy {
  /** The address for the client, `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** The port, the same for the proxy's whole life. */
  readonly port: number;
  /** Adds a rule for unary calls. Of several, the first added that picks a call has it. Throws on a stream method. */
  addRule(spec: FaultRuleSpec): FaultRule;
  /** Takes all rules out and lets go the calls they hold. */
  clearRules(): void;
  /** How many calls of this method have come in. */
  callsOf(method: string): number;
  stats(): FaultProxyStats;
  /**
   * Resolves when `count` (default 1) faults have been carried out by any rule, counted from the beginning; rejects
   * when the proxy closes.
   */
  injected(count?: number): Promise<readonly InjectedFault[]>;
  /** Connections old and new stay, and say nothing: a stopped process. What was forwarded goes on upstream. */
  pause(): Promise<void>;
  /** Resets all connections and stops listening: a dead process. */
  refuse(): Promise<void>;
  /** Ends `pause` (what was held now flows, both ways) or `refuse` (listens again on the same port). */
  resume(): Promise<void>;
  /** Resets all client connections once; new ones are welcome. */
  disconnect(): void;
  /** Cuts everything and frees every handle; idempotent. Calls held by delays are forgotten. */
  close(): Promise<void>;
}

/**
 * Starts a proxy on a free loopback port.
 *
 * The proxy answers HTTP/2 PINGs itself, so a client's keepalive sees the proxy, not the member: silence a member
 * with `pause()`. Requests that a rule may concern are read to their end before they are forwarded, all else streams.
 */
export async function createFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new Http2FaultProxy(options);
  await proxy.start();
  return proxy;
}

class Http2FaultProxy implements FaultProxy {
  readonly #target: URL;
  readonly #streams: ReadonlySet<string>;
  readonly #propagateCancel: boolean;
  readonly #rules = new RuleBook();
  readonly #calls = new Map<string, number>();
  readonly #injected = new Tally<InjectedFault>();
  readonly #links = new Set<Link>();
  readonly #inner: Http2Server = createServer({ settings: { initialWindowSize: 1 << 20 } });
  #front: Front | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: FaultProxyOptions) {
    this.#target = new URL(options.target);
    if (this.#target.protocol !== 'http:') throw new TypeError(`${options.target} is not an http: URL`);
    this.#streams = new Set([...streamMethods, ...(options.streamMethods ?? [])]);
    this.#propagateCancel = options.propagateCancel ?? true;
  }

  async start(): Promise<void> {
    this.#inner.on('session', session => this.#serve(session));
    this.#inner.listen(0, '127.0.0.1');
    await once(this.#inner, 'listening');
    const address = this.#inner.address();
    if (!address || typeof address !== 'object') throw new Error('inner server has no port');
    this.#front = new Front(address.port);
    await this.#front.become('open');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#started.port;
  }

  addRule(spec: FaultRuleSpec): FaultRule {
    return this.#rules.add(spec, method => this.#streams.has(method));
  }

  clearRules(): void {
    this.#rules.clear();
  }

  callsOf(method: string): number {
    return this.#calls.get(method) ?? 0;
  }

  stats(): FaultProxyStats {
    const injected: Partial<Record<InjectedFault['kind'], number>> = {};
    for (const { kind } of this.#injected.items) injected[kind] = (injected[kind] ?? 0) + 1;
    return {
      calls: Object.fromEntries(this.#calls),
      injected,
      missed: this.#rules.missedCount,
      mode: this.#started.mode,
      connections: this.#started.connectionCount,
    };
  }

  injected(count = 1): Promise<readonly InjectedFault[]> {
    return this.#injected.atLeast(count);
  }

  async pause(): Promise<void> {
    await this.#become('paused');
  }

  async refuse(): Promise<void> {
    await this.#become('refusing');
  }

  async resume(): Promise<void> {
    await this.#become('open');
  }

  disconnect(): void {
    this.#started.disconnect();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  get #started(): Front {
    if (!this.#front) throw new Error('fault proxy not started');
    return this.#front;
  }

  async #become(mode: FrontMode): Promise<void> {
    if (this.#closing) throw new Error('fault proxy is closed');
    await this.#started.become(mode);
  }

  async #close(): Promise<void> {
    this.#rules.close();
    this.#injected.close('fault proxy closed while a test waited for injected faults');
    await this.#started.become('refusing');
    const innerClosed = once(this.#inner.close(), 'close');
    const links = [...this.#links];
    for (const link of links) link.destroy();
    await Promise.all([innerClosed, ...links.map(link => link.closed)]);
  }

  #serve(session: ServerHttp2Session): void {
    const link = new Link(session, this.#target);
    this.#links.add(link);
    if (this.#closing) link.destroy();
    void link.closed.then(() => this.#links.delete(link));
    session.on('stream', (down, headers) => this.#handle(link, down, headers));
  }

  #handle(link: Link, down: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    down.on('error', () => undefined); // 'close' follows
    const method = headers[':path'] ?? '';
    const callNumber = this.callsOf(method) + 1;
    this.#calls.set(method, callNumber);
    const call = { link, down, headers, method, callNumber };
    const isStream = this.#streams.has(method);
    const propagateCancel = isStream || this.#propagateCancel;
    if (isStream || !this.#rules.concern(method)) {
      passThrough(call, propagateCancel);
      return;
    }
    const onInjected = (fault: InjectedFault) => this.#injected.add(fault);
    // A predicate of the test's own that throws is the test's fault, and must not go unheard: it crashes the run.
    void passUnlessPicked(call, this.#rules, { propagateCancel, onInjected });
  }
}
