import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { constants } from 'node:zlib';
import compression from 'compression';
import express, { type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import { parseHttpUrl } from '../http-url.ts';
import { serveScripts } from './page-script.ts';
import { notAllowed } from './sequence-routes.ts';

/** What the page is served from. */
export interface DashboardOptions {
  /** Folder of the static page. */
  readonly directory: string;
  /** Addresses of the nodes, for the page's stream to go on with when this one dies. */
  readonly nodeUrls: () => readonly string[];
}

/** The browser's files of the charts library, as its package has them. */
const CHARTS_DIRECTORY = dirname(createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css'));
const CHARTS_FILES: ReadonlySet<string> = new Set(['/uPlot.iife.min.js', '/uPlot.min.css']);

/** `/dashboard`: the static page, with nothing from elsewhere. */
export function createDashboardRoutes({ directory, nodeUrls }: DashboardOptions): Router {
  const router = Router();
  router.use(secureHeaders(nodeUrls), compression(COMPRESSION));
  router.use('/vendor', (request, response, next) => {
    if (CHARTS_FILES.has(request.path)) serveCharts(request, response, next);
    else next();
  });
  router.get('/js/:name', serveScripts(join(directory, 'js')));
  router.use(express.static(directory, { index: 'index.html', ...REVALIDATED }));
  router.use((request, response, next) => {
    if (READING.has(request.method)) next();
    else notAllowed('GET')(request, response, next);
  });
  return router;
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Small files, too, of which the page has many; and brotli no worse than gzip, as it is by default. */
const COMPRESSION = { threshold: 0, brotli: { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } } };

/** A page of this version must never run with a script of another. */
const REVALIDATED = { cacheControl: true, maxAge: 0 } as const;

const serveCharts: RequestHandler = express.static(CHARTS_DIRECTORY, { index: false, ...REVALIDATED });

/** Nothing from elsewhere but the other nodes' streams. On plain http nothing may ask for https, or a LAN address loads no script. */
function secureHeaders(nodeUrls: () => readonly string[]): RequestHandler {
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
        connectSrc: ["'self'", () => nodeUrls().flatMap(streamOrigin).join(' ')],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
}

/** `ws://host:port` of a node, as a source expression; nothing for a node that is registered with an address that is none. */
function streamOrigin(url: string): string[] {
  const origin = parseHttpUrl(url)?.origin;
  return origin === undefined ? [] : [origin.replace(/^http/, 'ws')];
}
