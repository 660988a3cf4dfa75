import { connect } from 'node:http2';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  ServerHttp2Session,
} from 'node:http2';

const windowBytes = 1 << 20;

/**
 * One client session and the upstream session of its own that serves it, so that a lost connection on either side
 * is lost on the other, as without the proxy.
 *
 * States: open → (client gone) lingering → closed. While lingering, the calls begun with {@link Link.begin} go on
 * upstream: this is how a commit happens whose client has already left.
 */
export class Link {
  readonly #session: ServerHttp2Session;
  readonly #upstream: ClientHttp2Session;
  readonly #authority: string;
  /** Resolves when both sides are closed. */
  readonly closed: Promise<void>;
  #callsUnderWay = 0;
  #clientGone = false;

  constructor(session: ServerHttp2Session, target: URL) {
    this.#session = session;
    this.#authority = target.host;
    this.#upstream = connect(target, { settings: { initialWindowSize: windowBytes, enablePush: false } });
    const sessionClosed = new Promise<void>(resolve => session.once('close', resolve));
    const upstreamClosed = new Promise<void>(resolve => this.#upstream.once('close', resolve));
    this.closed = Promise.all([sessionClosed, upstreamClosed]).then(() => undefined);
    session.on('error', () => undefined); // 'close' follows
    this.#upstream.on('error', () => undefined); // 'close' follows
    this.#upstream.on('goaway', () => session.close());
    this.#upstream.on('close', () => session.destroy());
    session.on('close', () => {
      this.#clientGone = true;
      this.#closeWhenIdle();
    });
  }

  /** Counts a call in, so that its upstream session stays; call the result once when the call is over. */
  begin(): () => void {
    this.#callsUnderWay += 1;
    return () => {
      this.#callsUnderWay -= 1;
      this.#closeWhenIdle();
    };
  }

  /**
   * Opens the call upstream. Throws when the upstream session is gone.
   * @param keepTimeout false takes the client's `grpc-timeout` out, for calls that outlive their client.
   */
  request(headers: IncomingHttpHeaders, keepTimeout: boolean): ClientHttp2Stream {
    const forwarded: IncomingHttpHeaders = { ...headers, ':authority': this.#authority };
    delete forwarded['host'];
    if (!keepTimeout) delete forwarded['grpc-timeout'];
    return this.#upstream.request(forwarded, { endStream: false });
  }

  /** Cuts the client's connection; what is forwarded to completion goes on. */
  disconnect(): void {
    this.#session.destroy();
  }

  /** Cuts both sides at once. */
  destroy(): void {
    this.#session.destroy();
    this.#upstream.destroy();
  }

  #closeWhenIdle(): void {
    if (this.#clientGone && this.#callsUnderWay === 0) this.#upstream.close();
  }
}
