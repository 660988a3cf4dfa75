import { type HttpAnswer, type HttpClient, nextBody } from './http-client.ts';

const BASE = '/api/v1/sequence';

/** The REST interface of one node, a request a method, answers as they come. */
export class SequenceApi {
  readonly url: string;
  private readonly http: HttpClient;

  constructor(url: string, http: HttpClient) {
    this.url = url;
    this.http = http;
  }

  next(fields: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.http.post(`${this.url}${BASE}/next`, nextBody(fields), headers);
  }

  getNext(fields: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    const query = new URLSearchParams(nextBody(fields) as Record<string, string>);
    return this.http.get(`${this.url}${BASE}/next?${query.toString()}`, headers);
  }

  release(
    sequenceNumber: unknown,
    fields: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<HttpAnswer> {
    const body = {
      sequenceNumber,
      siteId: 'site-1',
      partitionId: 'partition-a',
      reason: 'cancelled',
      ...fields,
    };
    return this.http.post(`${this.url}${BASE}/release`, body, headers);
  }

  /** Anything, at any path below the interface's base. */
  send(
    method: string,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
  ): Promise<HttpAnswer> {
    return this.http.send(method, `${this.url}${BASE}${path}`, body, headers);
  }

  get(path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.http.get(`${this.url}${path}`, headers);
  }

  /** What a refused request must leave as it is: everything stats say about the series. */
  async series(): Promise<Record<string, unknown>> {
    const { status, body } = await this.get(`${BASE}/stats`);
    if (status !== 200) throw new Error(`stats answered ${status}: ${JSON.stringify(body)}`);
    const { next, issued, pooled, reserved, holes, bySite, byPartition, byType, journal } = body;
    const counts = { next, issued, pooled, reserved, void: body.void, holes };
    return { ...counts, bySite, byPartition, byType, journal, keys: body.idempotency.keys };
  }
}
