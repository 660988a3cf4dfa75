import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { ADOPT_GAPS_MAX } from '../../core/adopt.ts';
import { SeqdError } from '../../core/errors.ts';
import type { FactOrigin } from '../../core/facts.ts';
import { rangesSize } from '../../core/ranges.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { AdminService } from '../../sequencer/admin-service.ts';
import { assertAdmin } from './admin-rights.ts';
import { sendJson } from './respond.ts';
import { bodyOf, notAllowed } from './sequence-routes.ts';
import { fingerprint, originOf, parseIdempotencyKey } from './number-input.ts';

/** What the routes work with. */
export interface AdminRoutesOptions {
  readonly admin: AdminService;
  /** What administrators must send. */
  readonly adminToken: string;
  readonly coordination: Coordination;
}

/** The gaps of one command, each two numbers of 16 digits, fit; whatever clients of other routes may send. */
const BODY_LIMIT_BYTES = 131_072;

/** `/api/v1/admin`: raising the counter, and importing an existing numbering with it (ADR 013). */
export function createAdminRoutes(options: AdminRoutesOptions): Router {
  const router = Router();
  // Rights come before the body: a stranger's is not even read.
  const rights: RequestHandler = (request, _response, next) => {
    assertAdmin(request, options.adminToken);
    next();
  };
  const body = express.json({ limit: BODY_LIMIT_BYTES });
  router
    .route('/raise')
    .post(rights, body, (request, response) => answerRaise(options, request, response))
    .all(notAllowed('POST'));
  router
    .route('/adopt')
    .post(rights, body, (request, response) => answerAdopt(options, request, response))
    .all(notAllowed('POST'));
  return router;
}

const number = z.int().min(1);
const line = z.string().trim().min(1).max(200);
const source = z.string().regex(/^[\x21-\x7e]{1,64}$/);
const who = { reason: line, actor: line };

const RAISE = z.strictObject({
  next: number,
  ...who,
  imported: z.strictObject({ first: number, source, gapsTo: z.enum(['pool', 'void']) }).optional(),
});

const ADOPT = z.strictObject({
  first: number,
  last: number,
  gaps: z.array(z.tuple([number, number])).max(ADOPT_GAPS_MAX),
  source,
  ...who,
});

async function answerRaise(
  { admin, coordination }: AdminRoutesOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const { imported, ...command } = parse(RAISE, request);
  const { fact, record, replayed } = await admin.raise(
    { ...command, ...(imported === undefined ? {} : { imported }) },
    keyed(request, ['raise', command.next, imported ?? null]),
  );
  if (replayed) response.setHeader('idempotent-replayed', 'true');
  sendJson(response, 200, {
    next: fact.next,
    skipped: fact.skipped,
    imported:
      fact.imported === undefined
        ? null
        : { first: fact.imported.first, last: fact.next - 1, source: fact.imported.source },
    node: coordination.self.id,
    revision: record.revision,
    raisedAt: new Date(record.time).toISOString(),
  });
}

async function answerAdopt(
  { admin, coordination }: AdminRoutesOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const { gaps, ...command } = parse(ADOPT, request);
  const { fact, record, replayed } = await admin.adopt(
    { ...command, gaps: gaps.map(([first, last]) => ({ first, last })) },
    keyed(request, ['adopt', command.first, command.last, command.source, gaps]),
  );
  if (replayed) response.setHeader('idempotent-replayed', 'true');
  const { first, last, to } = fact;
  const gapNumbers = rangesSize(fact.gaps);
  sendJson(response, 200, {
    first,
    last,
    imported: last - first + 1 - gapNumbers,
    gaps: gapNumbers,
    gapsTo: to,
    node: coordination.self.id,
    revision: record.revision,
    adoptedAt: new Date(record.time).toISOString(),
  });
}

/**
 * What cannot be repeated under a key could raise a counter twice.
 *
 * @param payload what is done, without who does it and why: another administrator may repeat it
 * @throws SeqdError `invalid_request`
 */
function keyed(request: Request, payload: readonly unknown[]): FactOrigin {
  const key = parseIdempotencyKey(request.get('idempotency-key'));
  if (key === undefined) throw new SeqdError('invalid_request', 'An Idempotency-Key header is required here');
  return originOf({}, key, fingerprint(payload));
}

/** @throws SeqdError `invalid_request` with every mistake in `details.errors` */
function parse<T>(schema: z.ZodType<T>, request: Request): T {
  const result = schema.safeParse(bodyOf(request));
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({
    field: path.join('.'),
    code: 'invalid_request',
    detail: `${path.length === 0 ? 'the body' : path.join('.')}: ${message}`,
  }));
  throw new SeqdError('invalid_request', errors.map(({ detail }) => detail).join('; '), {
    details: { errors },
  });
}
