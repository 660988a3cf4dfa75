import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse as parseQuery } from 'node:querystring';
import { SeqdError } from '../../core/errors.ts';
import type { Owner, SeriesId } from '../../core/identifiers.ts';
import type { AllocatedRange, AllocationReply } from '../../core/replies.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { NumberService } from '../../sequencer/number-service.ts';
import { contextOf, REQUEST_ID_HEADER } from './request-context.ts';
import { answerError, JSON_TYPE, sendJson, sendJsonText } from './respond.ts';
import { readJsonObject } from './read-body.ts';
import type { Logger } from '../../ports/logger.ts';
import {
  fingerprint,
  type NextInput,
  originOf,
  parseIdempotencyKey,
  parseNext,
  type Vocabulary,
} from './number-input.ts';

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
  /** JSON. */
  private readonly ownName: string;

  constructor(options: DrawEndpointOptions) {
    this.options = options;
    this.ownName = JSON.stringify(options.coordination.self.id);
  }

  /** Whether the request is for this endpoint, spelt as documented. */
  matches(request: IncomingMessage): boolean {
    const url = request.url!;
    return url.startsWith(DRAW_PATH) && (url.length === DRAW_PATH.length || url[DRAW_PATH.length] === '?');
  }

  /** Answers the request, errors too. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { vocabulary, bodyLimitBytes, logger } = this.options;
    try {
      const fields =
        request.method === 'POST'
          ? await readJsonObject(request, bodyLimitBytes)
          : this.queryOf(request, response);
      const input = parseNext(fields, vocabulary);
      if (input.behaviour === 'preview') await this.preview(request, response, input);
      else await this.draw(request, response, input);
    } catch (error) {
      answerError(request, response, error, logger);
    }
  }

  private queryOf(request: IncomingMessage, response: ServerResponse): Record<string, unknown> {
    if (request.method === 'GET') {
      const question = request.url!.indexOf('?');
      return question < 0 ? {} : parseQuery(request.url!.slice(question + 1));
    }
    response.setHeader('allow', ALLOWED);
    throw new SeqdError('method_not_allowed', `${request.method} is not allowed here; allowed: ${ALLOWED}`);
  }

  private async draw(request: IncomingMessage, response: ServerResponse, input: NextInput): Promise<void> {
    const { owner, count, contiguous, behaviour } = input;
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
    const { id } = contextOf(request);
    sendJsonText(response, 200, {
      headers: replayed ? [REQUEST_ID_HEADER, id, 'idempotent-replayed', 'true'] : [REQUEST_ID_HEADER, id],
      type: JSON_TYPE,
      text: this.describe(reply, owner),
    });
  }

  /**
   * The answer to a draw, put together by hand: numbers stand as they are, texts have gone through `JSON.stringify` or are
   * of our making.
   */
  private describe(reply: AllocationReply, owner: Owner): string {
    const { numbers, count, allocationId, revision, suppressed } = reply;
    return (
      `{"sequenceNumber":${numbers[0]!.first},"count":${count},"numbers":${rangesText(numbers)},` +
      `"reused":${numbers.some(isReused)},"allocationId":"${allocationId}",` +
      `"siteId":${JSON.stringify(owner.site)},"partitionId":${JSON.stringify(owner.partition)},` +
      `"invoiceType":${JSON.stringify(owner.type)},"node":${this.ownName},` +
      `"leader":${JSON.stringify(this.leader())},"revision":${revision},"issuedAt":"${isoTime(reply.issuedAt)}"` +
      (suppressed === undefined ? '}' : `,"released":${JSON.stringify(suppressed)}}`)
    );
  }

  private async preview(
    request: IncomingMessage,
    response: ServerResponse,
    { owner, count, contiguous }: NextInput,
  ): Promise<void> {
    if (!this.options.simulatedEnabled) {
      throw new SeqdError(
        'simulated_disabled',
        `Previews (${owner.type}) are switched off by core.simulated-enabled`,
      );
    }
    const { numbers } = await this.options.numbers.preview({ owner, count, contiguous, origin: {} });
    response.setHeader(REQUEST_ID_HEADER, contextOf(request).id);
    sendJson(response, 200, {
      sequenceNumber: numbers[0]!.first,
      count,
      numbers: rangesOf(numbers),
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

/** The text of {@link rangesOf}; of one range, as nearly all are, without making objects for it. */
function rangesText(ranges: readonly AllocatedRange[]): string {
  if (ranges.length > 1) return JSON.stringify(rangesOf(ranges));
  const { first, last } = ranges[0]!;
  return `[{"first":${first},"last":${last}}]`;
}

/** `reused` is said once for all, or range by range where pool and counter are mixed. */
function rangesOf(ranges: readonly AllocatedRange[]): readonly object[] {
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
