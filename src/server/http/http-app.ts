import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { SeqdError } from '../../core/errors.ts';
import type { Logger } from '../../ports/logger.ts';
import type { RecentLatency } from '../latency.ts';
import type { Metrics } from '../metrics.ts';
import { WIRE_ERRORS } from '../wire-errors.ts';
import { createFastExpress, type FastClasses } from './fast-express.ts';
import { createHealthRoutes, type HealthSources } from './health-routes.ts';
import { contextOf, sendProblem, setContext, toSeqdError } from './respond.ts';
import { createSequenceRoutes, type SequenceRoutesOptions } from './sequence-routes.ts';

/** What the HTTP interface is made of. */
export interface HttpAppOptions extends SequenceRoutesOptions {
  readonly health: HealthSources;
  readonly metrics: Metrics;
  readonly latency: RecentLatency;
  readonly logger: Logger;
  readonly bodyLimitBytes: number;
  /** Folder of the static dashboard. */
  readonly dashboardDirectory: string;
  /** Start of every request id made here; unique to the process. */
  readonly instance: string;
}

/** The Express application with every route of a node. */
export function createHttpApp(options: HttpAppOptions): { app: Express; classes: FastClasses } {
  const { app, classes } = createFastExpress();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(identify(options));
  app.use(
    SEQUENCE_BASE,
    mountedAt(SEQUENCE_BASE),
    express.json({ limit: options.bodyLimitBytes }),
    createSequenceRoutes(options),
  );
  app.use(createHealthRoutes(options.health));
  app.get('/metrics', async (_request, response) => {
    const text = await options.metrics.registry.metrics();
    response.writeHead(200, { 'content-type': options.metrics.registry.contentType }).end(text);
  });
  app.use(
    DASHBOARD_BASE,
    mountedAt(DASHBOARD_BASE),
    secureHeaders(),
    express.static(options.dashboardDirectory, { index: 'index.html' }),
  );
  app.get('/', (_request, response) => response.redirect('/dashboard/'));
  app.use((request, _response, next) => {
    next(new SeqdError('route_not_found', `There is nothing at ${request.method} ${request.path}`));
  });
  app.use(answerError(options));
  return { app, classes };
}

const SEQUENCE_BASE = '/api/v1/sequence';
const DASHBOARD_BASE = '/dashboard';

/** Notes for metrics which router took the request; `request.baseUrl` is spelt as the client spelt it. */
function mountedAt(base: string): RequestHandler {
  return (request, _response, next) => {
    contextOf(request).base = base;
    next();
  };
}

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Gives every request its id and measures it. A client's own id is kept when it is usable. */
function identify({ instance, latency, metrics, logger }: HttpAppOptions): RequestHandler {
  let count = 0;
  return (request, response, next) => {
    const given = request.headers['x-request-id'];
    count += 1;
    const id =
      typeof given === 'string' && REQUEST_ID.test(given) ? given : `${instance}-${count.toString(36)}`;
    const startedAtMs = performance.now();
    setContext(request, { id, startedAtMs });
    response.setHeader('x-request-id', id);
    response.on('finish', () => {
      const ms = performance.now() - startedAtMs;
      const { base } = contextOf(request);
      const route = routeOf(base, (request.route as { path?: string } | undefined)?.path);
      metrics.requestAnswered(route, response.statusCode, ms);
      if (route.startsWith('/api/v1/sequence/next') || route.startsWith('/api/v1/sequence/release'))
        latency.record(ms);
      logger.debug(
        { requestId: id, method: request.method, url: request.originalUrl, status: response.statusCode, ms },
        'request',
      );
    });
    next();
  };
}

/** The route as declared, so that metrics never get a label per address that somebody made up. */
function routeOf(base: string | undefined, path: string | undefined): string {
  if (path === undefined) return base === DASHBOARD_BASE ? base : 'other';
  return `${base ?? ''}${path}`;
}

/** Headers for the page: nothing from elsewhere. On plain http nothing may ask for https, or a LAN address loads no script. */
function secureHeaders(): RequestHandler {
  return helmet({
    strictTransportSecurity: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
}

function answerError({ logger }: HttpAppOptions): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (thrown: unknown, request, response, _next) => {
    const error = toSeqdError(thrown);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const fields = { err: error, requestId: contextOf(request).id, code: error.code };
    if (WIRE_ERRORS[error.code].http === 500) logger.error(fields, 'request failed');
    else logger.debug(fields, 'request refused');
    sendProblem(request, response, error);
  };
}
