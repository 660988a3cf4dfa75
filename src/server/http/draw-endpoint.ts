import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse as parseQuery } from 'node:querystring';
import { SeqdError } from '../../core/errors.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import type { AllocatedRange } from '../../core/replies.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { NumberService } from '../../sequencer/number-service.ts';
import { answerError, sendJson } from './respond.ts';
import { readJsonObject } from './read-body.ts';
import type { Logger } from '../../ports/logger.ts';
import {
  fingerprint,
  type NextInput,
  originOf,
  parseIdempotencyKey,
  parseNext,
  type Vocabulary,
} from './validate.ts';

/** Where numbers are drawn. */
export const DRAW_PATH = '/api/v1/sequence/next';
const ALLOWED = 'GET, POST';

/** What drawing works with. */
export interface DrawEndpointOptions {
  readonly series: SeriesId;
  readonly numbers: NumberService;
  readonly coordination: Coordination;
  readonly vocabulary: Vocabulary;
  readonly simulatedEnabled: boolean;
  readonly bodyLimitBytes: number;
  readonly logger: Logger;
}

/**
 * `GET` and `POST /api/v1/sequence/next`, on node's own request and response: the one route that is called so often
 * that Express's routing and body parsing would be most of its cost (ADR 008). Everything else is Express's.
 */
export class DrawEndpoint {
  private readonly options: DrawEndpointOptions;

  constructor(options: DrawEndpointOptions) {
    this.options = options;
  }

  /** Whether the request is for this endpoint, spelt as documented. */
  matches(request: IncomingMessage): boolean {
    const url = request.url!;
    return url.startsWith(DRAW_PATH) && (url.length === DRAW_PATH.length || url[DRAW_PATH.length] === '?');
  }

  /** Answers the request, errors too. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.draw(
        request,
        response,
        parseNext(await this.fieldsOf(request, response), this.options.vocabulary),
      );
    } catch (error) {
      answerError(request, response, error, this.options.logger);
    }
  }

  private async fieldsOf(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Record<string, unknown>> {
    if (request.method === 'POST') return readJsonObject(request, this.options.bodyLimitBytes);
    if (request.method === 'GET') {
      const question = request.url!.indexOf('?');
      return question < 0 ? {} : parseQuery(request.url!.slice(question + 1));
    }
    response.setHeader('allow', ALLOWED);
    throw new SeqdError('method_not_allowed', `${request.method} is not allowed here; allowed: ${ALLOWED}`);
  }

  private async draw(request: IncomingMessage, response: ServerResponse, input: NextInput): Promise<void> {
    const { owner, count, contiguous, behaviour } = input;
    if (behaviour === 'preview') return this.preview(response, input);
    const key = parseIdempotencyKey(request.headers['idempotency-key']);
    const origin = originOf(
      input,
      key,
      key === undefined
        ? undefined
        : fingerprint(['next', owner.site, owner.partition, owner.type, count, contiguous, input.reference]),
    );
    const draw = { owner, count, contiguous, origin };
    const { numbers } = this.options;
    const { reply, replayed } =
      behaviour === 'suppress' ? await numbers.suppress(draw, owner.type) : await numbers.issue(draw);
    if (replayed) response.setHeader('idempotent-replayed', 'true');
    sendJson(response, 200, {
      sequenceNumber: reply.numbers[0]!.first,
      count: reply.count,
      numbers: describeRanges(reply.numbers),
      reused: reply.numbers.some(isReused),
      allocationId: reply.allocationId,
      siteId: owner.site,
      partitionId: owner.partition,
      invoiceType: owner.type,
      node: this.options.coordination.self.id,
      leader: this.leader(),
      revision: reply.revision,
      issuedAt: isoTime(reply.issuedAt),
      released: reply.suppressed,
    });
  }

  private async preview(response: ServerResponse, { owner, count, contiguous }: NextInput): Promise<void> {
    if (!this.options.simulatedEnabled) {
      throw new SeqdError(
        'simulated_disabled',
        `Previews (${owner.type}) are switched off by core.simulated-enabled`,
      );
    }
    const { numbers } = await this.options.numbers.preview({ owner, count, contiguous, origin: {} });
    sendJson(response, 200, {
      sequenceNumber: numbers[0]!.first,
      count,
      numbers: describeRanges(numbers),
      reused: numbers.some(isReused),
      preview: true,
      siteId: owner.site,
      partitionId: owner.partition,
      invoiceType: owner.type,
      node: this.options.coordination.self.id,
      leader: this.leader(),
    });
  }

  private leader(): string | null {
    return this.options.coordination.leader(this.options.series)?.nodeId ?? null;
  }
}

const isReused = (range: AllocatedRange): boolean => range.reused;

/** `reused` is said once for all, or range by range where pool and counter are mixed. */
function describeRanges(ranges: readonly AllocatedRange[]): readonly object[] {
  const mixed = ranges.length > 1 && ranges.some(isReused) && !ranges.every(isReused);
  return mixed ? ranges : ranges.map(({ first, last }) => ({ first, last }));
}

let lastTimeMs = 0;
let lastTimeText = '';

/** ISO 8601; all answers of a batch carry the same time. */
function isoTime(ms: number): string {
  if (ms !== lastTimeMs) {
    lastTimeMs = ms;
    lastTimeText = new Date(ms).toISOString();
  }
  return lastTimeText;
}
