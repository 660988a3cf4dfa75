import { type Request, type RequestHandler, type Response, Router } from 'express';
import { SeqdError } from '../../core/errors.ts';
import type { FactOrigin } from '../../core/facts.ts';
import type { AllocatedRange } from '../../core/replies.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import type { NumberService } from '../../sequencer/number-service.ts';
import type { StatsService } from '../stats.ts';
import { sendJson } from './respond.ts';
import {
  fingerprint,
  type NextInput,
  parseIdempotencyKey,
  parseNext,
  parseRelease,
  type Vocabulary,
} from './validate.ts';

/** What the routes work with. */
export interface SequenceRoutesOptions {
  readonly series: SeriesId;
  readonly numbers: NumberService;
  readonly stats: StatsService;
  readonly coordination: Coordination;
  readonly vocabulary: Vocabulary;
  readonly simulatedEnabled: boolean;
}

/** `/api/v1/sequence`: next, release, stats. */
export function createSequenceRoutes(options: SequenceRoutesOptions): Router {
  const router = Router();
  // Express passes what a handler's promise rejects with to the error handler.
  const next: RequestHandler = async (request, response) => {
    const fields = request.method === 'GET' ? request.query : bodyOf(request);
    await answerNext(options, request, response, parseNext(fields, options.vocabulary));
  };
  // Express answers HEAD like GET, and a draw is nothing to look at without taking it.
  router.route('/next').head(notAllowed('GET, POST')).get(next).post(next).all(notAllowed('GET, POST'));
  router
    .route('/release')
    .post((request, response) => answerRelease(options, request, response))
    .all(notAllowed('POST'));
  router
    .route('/stats')
    .get(async (_request, response) => sendJson(response, 200, await options.stats.read()))
    .all(notAllowed('GET'));
  return router;
}

async function answerNext(
  options: SequenceRoutesOptions,
  request: Request,
  response: Response,
  input: NextInput,
): Promise<void> {
  const { owner, count, contiguous, behaviour } = input;
  const key = parseIdempotencyKey(request.get('idempotency-key'));
  const payload = ['next', owner.site, owner.partition, owner.type, count, contiguous, input.reference];
  const draw = { owner, count, contiguous, origin: originOf(input, key, payload) };
  if (behaviour === 'preview') {
    if (!options.simulatedEnabled) {
      throw new SeqdError(
        'simulated_disabled',
        `Previews (${owner.type}) are switched off by core.simulated-enabled`,
      );
    }
    const { numbers } = await options.numbers.preview(draw);
    sendJson(response, 200, {
      ...describeNumbers(numbers, count),
      preview: true,
      ...describePlace(options, input),
    });
    return;
  }
  const { reply, replayed } =
    behaviour === 'suppress'
      ? await options.numbers.suppress(draw, owner.type)
      : await options.numbers.issue(draw);
  if (replayed) response.setHeader('idempotent-replayed', 'true');
  sendJson(response, 200, {
    ...describeNumbers(reply.numbers, reply.count),
    allocationId: reply.allocationId,
    ...describePlace(options, input),
    revision: reply.revision,
    issuedAt: new Date(reply.issuedAt).toISOString(),
    ...(reply.suppressed === undefined ? {} : { released: reply.suppressed }),
  });
}

async function answerRelease(
  options: SequenceRoutesOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const input = parseRelease(bodyOf(request), options.vocabulary);
  const { number, site, partition, reason, allocation } = input;
  const key = parseIdempotencyKey(request.get('idempotency-key'));
  const payload = ['release', number, site, partition, reason, allocation];
  const { reply, replayed } = await options.numbers.release({
    number,
    site,
    partition,
    reason,
    ...(allocation === undefined ? {} : { allocation }),
    origin: originOf(input, key, payload),
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
    ...describeNode(options),
    revision: reply.revision,
    releasedAt: new Date(reply.at).toISOString(),
  });
}

/** `reused` for all at once, or range by range where pool and counter are mixed. */
function describeNumbers(numbers: readonly AllocatedRange[], count: number): object {
  const reused = numbers.some(range => range.reused);
  const mixed = reused && numbers.some(range => !range.reused);
  return {
    sequenceNumber: numbers[0]!.first,
    count,
    numbers: mixed ? numbers : numbers.map(({ first, last }) => ({ first, last })),
    reused,
  };
}

function describePlace(options: SequenceRoutesOptions, { owner }: NextInput): object {
  return {
    siteId: owner.site,
    partitionId: owner.partition,
    invoiceType: owner.type,
    ...describeNode(options),
  };
}

function describeNode({ coordination, series }: SequenceRoutesOptions): object {
  return { node: coordination.self.id, leader: coordination.leader(series)?.nodeId ?? null };
}

function originOf(
  input: { client?: string; trace?: string; reference?: string },
  key: string | undefined,
  payload: readonly unknown[],
): FactOrigin {
  const { client, trace, reference } = input;
  return {
    ...(key === undefined ? {} : { key, fingerprint: fingerprint(payload) }),
    ...(client === undefined ? {} : { client }),
    ...(trace === undefined ? {} : { trace }),
    ...(reference === undefined ? {} : { reference }),
  };
}

function bodyOf(request: Request): Record<string, unknown> {
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
