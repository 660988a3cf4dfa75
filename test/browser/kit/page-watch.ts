import type { BrowserContext, ConsoleMessage, Page } from 'playwright-core';

/** What a browser says when a server that was just killed does not answer. */
export const LOST_NODE =
  /ERR_CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_SOCKET_NOT_CONNECTED|WebSocket (connection|is closed)/;

/** What a browser says when a request was refused with a status: the page cannot keep it from saying so. */
export const REFUSED = /Failed to load resource: the server responded with a status of 4\d\d/;

/** The same for a node that cannot do it at the moment. */
export const UNAVAILABLE = /Failed to load resource: the server responded with a status of 503/;

/** Collects what must not happen in any page of a context: errors on the console or in scripts, lost and foreign requests. */
export class PageWatch {
  private readonly seen: string[] = [];
  private readonly allowed: RegExp[] = [];
  private readonly origins: ReadonlySet<string>;

  /** @param urls of our own nodes, the only servers that a page may talk to */
  constructor(context: BrowserContext, urls: readonly string[]) {
    // The same machine by another name is ours, too.
    this.origins = new Set(urls.flatMap(url => ['127.0.0.1', 'localhost'].map(host => originOf(url, host))));
    context.on('request', request => this.checkAddress(request.url()));
    context.on('requestfailed', request => {
      const why = request.failure()?.errorText ?? '';
      // The page itself gave it up: it was closed, or what was asked for is not wanted any more.
      if (why !== 'net::ERR_ABORTED') this.note(`request failed: ${request.url()} ${why}`);
    });
    context.on('console', message => this.hear(message));
    context.on('weberror', error => this.note(`page error: ${String(error.error().stack ?? error.error())}`));
    context.on('page', page => this.watchSockets(page));
  }

  /** From now on such messages are expected; for tests that break something. */
  allow(...patterns: readonly RegExp[]): void {
    this.allowed.push(...patterns);
  }

  /** What happened and was not expected. */
  get problems(): readonly string[] {
    return this.seen.filter(line => !this.allowed.some(pattern => pattern.test(line)));
  }

  private watchSockets(page: Page): void {
    page.on('websocket', socket => this.checkAddress(socket.url()));
  }

  private hear(message: ConsoleMessage): void {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    this.note(`console ${message.type()}: ${message.text()} (${message.location().url})`);
  }

  private checkAddress(address: string): void {
    const url = new URL(address);
    if (['data:', 'blob:', 'about:'].includes(url.protocol)) return;
    if (!this.origins.has(url.origin.replace(/^ws/, 'http'))) this.note(`foreign request: ${address}`);
  }

  private note(line: string): void {
    this.seen.push(line);
  }
}

function originOf(url: string, host: string): string {
  const changed = new URL(url);
  changed.hostname = host;
  return changed.origin;
}
