import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { History } from './history.ts';
import { type HubSources, LiveHub } from './live-hub.ts';
import { KnownUrls } from './known-urls.ts';
import { LiveStream } from './live-stream.ts';
import { LinkServer } from './link-server.ts';
import { Viewers } from './viewers.ts';

/** What the live stream of a node is made of. */
export interface LiveDependencies extends HubSources {
  readonly version: string;
}

/** The live stream of one node: created → `start` → `close`. */
export interface Live {
  /** Begins to sample; once the node knows its own url. Until then viewers and peers may connect already. */
  start(): void;
  /** Takes over an upgrade request of a viewer or of another node; `false` when it is neither. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Ends everything. Idempotent. */
  close(): void;
}

/** Puts a node's live stream together. Nothing of it is needed to issue numbers, and nothing waits for it. */
export function openLive({ version, ...sources }: LiveDependencies): Live {
  const { coordination, logger } = sources;
  const { self } = coordination;
  const history = new History();
  const stream = new LiveStream({ stream: randomBytes(8).toString('hex'), node: self.id, version }, history);
  const linkServer = new LinkServer(self.peerToken, {
    history: () => ({
      type: 'history',
      at: sources.clock.now(),
      history: history.columns(),
      events: stream.allEvents(),
    }),
    logger,
  });
  const urls = new KnownUrls();
  const viewers: Viewers = new Viewers({
    source: {
      hello: intervalMs => stream.hello(intervalMs),
      snapshot: why => stream.snapshot(why),
      refresh: () => hub.refresh(),
    },
    nodeUrls: () => {
      urls.note(coordination.nodes());
      return urls.all;
    },
    logger,
  });
  const hub = new LiveHub(sources, { history, stream, linkServer, viewers, urls });
  let closed = false;
  return {
    start: () => hub.start(),
    upgrade: (request, socket, head) =>
      linkServer.upgrade(request, socket, head) || viewers.upgrade(request, socket, head),
    close() {
      if (closed) return;
      closed = true;
      hub.close();
      linkServer.close();
      viewers.close();
    },
  };
}
