import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Express, NextFunction, Request, RequestHandler, Response, Router } from 'express';
import { SeqdError } from '../../core/errors.ts';
import type { Metrics } from '../metrics.ts';
import { LIVE_PATH, LIVE_PROTOCOL } from '../live/live-protocol.ts';
import { DEMO_BASE } from './demo-routes.ts';
import { DRAW_PATH, DrawEndpoint, type DrawEndpointOptions } from './draw-endpoint.ts';
import { type AdminRoutesOptions, createAdminRoutes } from './admin-routes.ts';
import { createDashboardRoutes } from './dashboard-routes.ts';
import { createFastExpress, type FastClasses } from './fast-express.ts';
import { createHealthRoutes, type HealthSources } from './health-routes.ts';
import { createLedgerRoutes, type LedgerRoutesOptions } from './ledger-routes.ts';
import { type Accounting, contextOf, REQUEST_ID_HEADER } from './request-context.ts';
import { answerError } from './respond.ts';
import { createSequenceRoutes, notAllowed, type SequenceRoutesOptions } from './sequence-routes.ts';
import { createVerifyRoutes, type VerifyRoutesOptions } from './verify-routes.ts';

/** What the HTTP interface is made of. */
export interface HttpAppOptions
  extends
    Omit<SequenceRoutesOptions, 'draw'>,
    DrawEndpointOptions,
    AdminRoutesOptions,
    LedgerRoutesOptions,
    VerifyRoutesOptions {
  readonly health: HealthSources;
  readonly metrics: Metrics;
  readonly accounting: Accounting;
  /** Folder of the static dashboard. */
  readonly dashboardDirectory: string;
  /** `undefined`: there are none here. */
  readonly demos: Router | undefined;
}

/** Handles every request of a node, and the classes `http.createServer` must make them of. */
export interface HttpApp {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly classes: FastClasses;
}

/** The HTTP interface: drawing numbers by itself, everything else by Express. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { accounting } = options;
  const draw = new DrawEndpoint(options);
  const { app, classes } = createExpressApp({ ...options, draw });
  const answerDraw = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    await draw.handle(request, response);
    accounting.end(request, response, DRAW_PATH);
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { id } = accounting.begin(request);
    if (draw.matches(request)) {
      void answerDraw(request, response);
      return;
    }
    response.setHeader(REQUEST_ID_HEADER, id);
    response.on('finish', () => accounting.end(request, response, routeOf(request as Request)));
    app(request, response);
  };
  return { handle, classes };
}

function createExpressApp(options: HttpAppOptions & { draw: DrawEndpoint }): {
  app: Express;
  classes: FastClasses;
} {
  const { app, classes } = createFastExpress();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(SEQUENCE_BASE, mountedAt(SEQUENCE_BASE), createSequenceRoutes(options));
  app.use(ADMIN_BASE, mountedAt(ADMIN_BASE), createAdminRoutes(options));
  app.use(LEDGER_BASE, mountedAt(LEDGER_BASE), createLedgerRoutes(options), createVerifyRoutes(options));
  if (options.demos !== undefined) app.use(DEMO_BASE, mountedAt(DEMO_BASE), options.demos);
  app.use(createHealthRoutes(options.health));
  app
    .route('/metrics')
    .get(async (_request, response) => {
      const text = await options.metrics.registry.metrics();
      response.writeHead(200, { 'content-type': options.metrics.registry.contentType }).end(text);
    })
    .all(notAllowed('GET'));
  app.use(
    DASHBOARD_BASE,
    mountedAt(DASHBOARD_BASE),
    createDashboardRoutes({
      directory: options.dashboardDirectory,
      nodeUrls: () => options.coordination.nodes().map(node => node.url),
    }),
  );
  app.get(LIVE_PATH, (_request, _response, next) => {
    next(
      new SeqdError('invalid_request', `${LIVE_PATH} is a WebSocket with the subprotocol ${LIVE_PROTOCOL}`),
    );
  });
  app.get('/', (_request, response) => response.redirect('/dashboard/'));
  app.use((request, _response, next) => {
    next(new SeqdError('route_not_found', `There is nothing at ${request.method} ${request.path}`));
  });
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    answerError(request, response, error, options.logger);
  });
  return { app, classes };
}

const SEQUENCE_BASE = '/api/v1/sequence';
const ADMIN_BASE = '/api/v1/admin';
/** Of the ledger's routes, and of the proof. */
const LEDGER_BASE = '/api/v1';
const DASHBOARD_BASE = '/dashboard';

/** Notes for metrics which router took the request; `request.baseUrl` is spelt as the client spelt it. */
function mountedAt(base: string): RequestHandler {
  return (request, _response, next) => {
    contextOf(request).base = base;
    next();
  };
}

/** The route as declared, so that metrics never get a label per address that somebody made up. */
function routeOf(request: Request): string {
  const { base } = contextOf(request);
  const path = (request.route as { path?: string } | undefined)?.path;
  if (path === undefined) return base === DASHBOARD_BASE ? base : 'other';
  return `${base ?? ''}${path}`;
}
