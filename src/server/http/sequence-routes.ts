import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { SeqdError } from '../../core/errors.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import type { NumberService } from '../../sequencer/number-service.ts';
import type { StatsService } from '../stats.ts';
import type { DrawEndpoint } from './draw-endpoint.ts';
import { refuseAll } from './fields.ts';
import { sendJson } from './respond.ts';
import { fingerprint, originOf, parseIdempotencyKey, parseRelease, type Vocabulary } from './number-input.ts';

/** What the routes work with. */
export interface SequenceRoutesOptions {
  readonly series: SeriesId;
  readonly numbers: NumberService;
  readonly stats: StatsService;
  readonly coordination: Coordination;
  readonly vocabulary: Vocabulary;
  readonly draw: DrawEndpoint;
  readonly bodyLimitBytes: number;
}

/** `/api/v1/sequence`: release, stats, and next for whoever spells its address unusually. */
export function createSequenceRoutes(options: SequenceRoutesOptions): Router {
  const router = Router();
  // Express passes what a handler's promise rejects with to the error handler.
  router.route('/next').all((request, response) => options.draw.handle(request, response));
  router
    .route('/release')
    .post(express.json({ limit: options.bodyLimitBytes }), (request, response) =>
      answerRelease(options, request, response),
    )
    .all(notAllowed('POST'));
  router
    .route('/stats')
    .get(async (request, response) => {
      refuseAll(request.query);
      sendJson(response, 200, await options.stats.read());
    })
    .all(notAllowed('GET'));
  return router;
}

async function answerRelease(
  options: SequenceRoutesOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const input = parseRelease(bodyOf(request), options.vocabulary);
  const { number, site, partition, reason, allocation, type } = input.claim;
  const key = parseIdempotencyKey(request.get('idempotency-key'));
  const payload = [
    'release',
    number,
    site,
    partition,
    reason,
    allocation,
    ...(type === undefined ? [] : [type]),
  ];
  const { reply, replayed } = await options.numbers.release({
    ...input.claim,
    origin: originOf(input, key, fingerprint(payload)),
  });
  if (replayed) response.setHeader('idempotent-replayed', 'true');
  sendJson(response, 200, {
    sequenceNumber: reply.number,
    releasedTo: reply.to,
    allocationId: reply.allocationId,
    siteId: reply.owner.site,
    partitionId: reply.owner.partition,
    invoiceType: reply.owner.type,
    reason: reply.reason,
    node: options.coordination.self.id,
    leader: options.coordination.leader(options.series)?.nodeId ?? null,
    revision: reply.revision,
    releasedAt: new Date(reply.at).toISOString(),
  });
}

/** The body that was parsed. @throws SeqdError `malformed_body`, `unsupported_media_type` */
export function bodyOf(request: Request): Record<string, unknown> {
  const body: unknown = request.body;
  if (body === undefined) {
    // With chunks there is a body of unknown length.
    const length = request.get('transfer-encoding') ?? request.get('content-length') ?? '0';
    throw length === '0'
      ? new SeqdError('malformed_body', 'A JSON body is required')
      : new SeqdError('unsupported_media_type', 'The body must be sent as application/json');
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new SeqdError('malformed_body', 'The body must be a JSON object');
}

/** Refuses the methods a resource does not have. */
export function notAllowed(allowed: string): RequestHandler {
  return (request, response, next) => {
    response.setHeader('allow', allowed);
    next(new SeqdError('method_not_allowed', `${request.method} is not allowed here; allowed: ${allowed}`));
  };
}
