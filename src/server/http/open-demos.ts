import { setMaxListeners } from 'node:events';
import type { Router } from 'express';
import type { Config } from '../../config/index.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { Logger } from '../../ports/logger.ts';
import { DemoHostClient } from './demo-host-client.ts';
import { DemoLink, type DemoFeed } from './demo-link.ts';
import { createDemoRoutes } from './demo-routes.ts';

/** A node's side of the demonstrations: created → `start` → `close`. */
export interface Demos {
  /** To be mounted at `DEMO_BASE`. */
  readonly routes: Router;
  /** For the live stream. */
  readonly feed: DemoFeed;
  /** Connects to the demonstrations' process; returns at once. */
  start(): void;
  /** Sends whoever waits for a run to another node, and disconnects. Idempotent. */
  close(): void;
}

/** Opens the demonstrations where some are configured; `undefined`: there are none, and nothing of them is to be found. */
export function openDemos(
  { demo: { url, token } }: Pick<Config, 'demo'>,
  { coordination, logger }: { coordination: Pick<Coordination, 'self' | 'nodes'>; logger: Logger },
): Demos | undefined {
  if (url === null || token === null) return undefined;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // everybody who waits listens
  const link = new DemoLink({ url, token, logger });
  const host = new DemoHostClient({ url, token });
  return {
    routes: createDemoRoutes({ host, feed: link, coordination, closing: closing.signal }),
    feed: link,
    start: () => link.start(),
    close: () => {
      closing.abort();
      link.close();
    },
  };
}
