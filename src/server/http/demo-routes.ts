import express, { type Request, type Response, Router } from 'express';
import { SeqdError } from '../../core/errors.ts';
import type { DemoRun } from '../../demo/demo-run.ts';
import type { Coordination } from '../../ports/coordination.ts';
import { drained, goneSignal } from './deadline.ts';
import { mayUseDemos } from './demo-gate.ts';
import type { DemoHostClient } from './demo-host-client.ts';
import { findDemo, parseDemoParameters } from './demo-input.ts';
import type { DemoFeed } from './demo-link.ts';
import { type FollowTimes, followDemo, hasEnded, isAboutToBreak } from './follow-demo.ts';
import { sendJson } from './respond.ts';
import { bodyOf, notAllowed } from './sequence-routes.ts';

/** Where the routes are mounted. */
export const DEMO_BASE = '/api/v1/demo';

/** What the routes work with. */
export interface DemoRoutesOptions {
  readonly host: DemoHostClient;
  readonly feed: DemoFeed;
  readonly coordination: Pick<Coordination, 'self' | 'nodes'>;
  /** Aborted when the node stops: whoever waits is sent elsewhere. */
  readonly closing: AbortSignal;
  readonly times?: FollowTimes;
}

const BODY_LIMIT_BYTES = 4_096;

/** Those who wait for the end of a run on one node; each holds a connection. */
const FOLLOWERS_MAX = 32;

const NDJSON = 'application/x-ndjson';

/**
 * `/api/v1/demo`: the demonstrations that the process beside the nodes runs (docs/demos.md). For those who may not use them nothing is
 * there, as when none are configured.
 */
export function createDemoRoutes(options: DemoRoutesOptions): Router {
  const router = Router();
  const followers = { count: 0 };
  router.use((request, _response, next) => {
    const { headers, httpVersion, socket } = request;
    const caller = { remoteAddress: socket.remoteAddress, headers, httpVersion };
    const urls = [options.coordination.self, ...options.coordination.nodes()].map(node => node.url);
    next(mayUseDemos(caller, urls) ? undefined : 'router');
  });
  router
    .route('/')
    .get(async (_request, response) => sendJson(response, 200, await options.host.catalogue()))
    .all(notAllowed('GET'));
  router
    .route('/runs/:id')
    .get(async (request, response) => {
      const run = await options.host.run(runIdOf(request));
      if (request.method === 'GET' && wantsLines(request))
        await limited(followers, () => sendLines(options, response, run));
      else sendJson(response, 200, run);
    })
    .delete(async (request, response) => sendJson(response, 200, await options.host.cancel(runIdOf(request))))
    .all(notAllowed('GET, DELETE'));
  router
    .route('/:name')
    .post(express.json({ limit: BODY_LIMIT_BYTES }), (request, response) =>
      limited(followers, () => answerStart(options, request, response)),
    )
    .all(notAllowed('POST'));
  return router;
}

async function answerStart(options: DemoRoutesOptions, request: Request, response: Response): Promise<void> {
  const fields = { ...request.query, ...(hasBody(request) ? bodyOf(request) : {}) };
  const { host } = options;
  // What does not fit never reaches the process that can kill nodes.
  const demo = findDemo(String(request.params['name']), await host.catalogue());
  const run = await host.start(demo.name, parseDemoParameters(fields, demo));
  response.setHeader('location', addressOf(run));
  if (/(?:^|[,\s])respond-async(?=$|[,;\s])/i.test(request.get('prefer') ?? '')) {
    response.setHeader('preference-applied', 'respond-async');
    sendJson(response, 202, run);
  } else if (wantsLines(request)) await sendLines(options, response, run);
  else await sendEnd(options, response, run);
}

/** Answers when the run has ended; earlier, with where it can be followed, when this node may not be there by then. */
async function sendEnd(options: DemoRoutesOptions, response: Response, first: DemoRun): Promise<void> {
  const { self } = options.coordination;
  const gone = goneSignal(response);
  let run = first;
  for await (run of followDemo(first, options, AbortSignal.any([gone, options.closing]), options.times)) {
    if (!hasEnded(run) && isAboutToBreak(run, self.id)) break;
  }
  if (gone.aborted) return;
  if (!hasEnded(run)) response.setHeader('location', addressElsewhere(options, run));
  sendJson(response, hasEnded(run) ? 200 : 202, run);
}

/**
 * Sends the run at each change, a line each, until it ends. Lines that stop before that, at an end of the answer or not, are to be
 * had from another node: this one is about to be broken, or already is.
 */
async function sendLines(options: DemoRoutesOptions, response: Response, first: DemoRun): Promise<void> {
  const gone = goneSignal(response);
  const { self } = options.coordination;
  // A transformation, such as compression, would hold lines back.
  response.writeHead(200, {
    'content-type': `${NDJSON}; charset=utf-8`,
    'cache-control': 'no-store, no-transform',
    'x-content-type-options': 'nosniff',
  });
  for await (const run of followDemo(
    first,
    options,
    AbortSignal.any([gone, options.closing]),
    options.times,
  )) {
    if (!response.write(`${JSON.stringify(run)}\n`))
      await drained(response, gone).catch(() => response.destroy());
    if (isAboutToBreak(run, self.id)) break;
  }
  response.end();
}

async function limited(followers: { count: number }, work: () => Promise<void>): Promise<void> {
  if (followers.count >= FOLLOWERS_MAX)
    throw new SeqdError('overloaded', `${FOLLOWERS_MAX} clients follow demonstrations on this node already`);
  followers.count += 1;
  try {
    await work();
  } finally {
    followers.count -= 1;
  }
}

const addressOf = ({ id }: DemoRun): string => `${DEMO_BASE}/runs/${id}`;

/** Where a run can be followed while this node is away; on this one when there is no other. */
function addressElsewhere({ coordination }: DemoRoutesOptions, run: DemoRun): string {
  const other = coordination
    .nodes()
    .find(node => node.id !== coordination.self.id && !isAboutToBreak(run, node.id));
  return `${other?.url ?? ''}${addressOf(run)}`;
}

/** @throws SeqdError `route_not_found` for what can be no id */
function runIdOf(request: Request): string {
  const id = String(request.params['id']);
  // No dots: `..` would be another path of the process.
  if (/^[\w-]{1,64}$/.test(id)) return id;
  throw new SeqdError('route_not_found', 'There is no such run');
}

const wantsLines = (request: Request): boolean => request.accepts(['application/json', NDJSON]) === NDJSON;

const hasBody = (request: Request): boolean =>
  (request.get('transfer-encoding') ?? request.get('content-length') ?? '0') !== '0';
