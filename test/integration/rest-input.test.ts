import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { type HttpAnswer, HttpClient, nextBody } from '../kit/http-client.ts';
import { startTestNodes, verifyCluster } from '../kit/nodes.ts';
import { SequenceApi } from '../kit/sequence-api.ts';

const http = new HttpClient();
const open: SeqdNode[] = [];

/** A node of a cluster of its own. */
async function startApi(
  settings: Record<string, string> = {},
): Promise<SequenceApi & { readonly cluster: string }> {
  const cluster = uniqueCluster();
  const [node] = await startTestNodes(1, { endpoints: sharedEndpoints(), cluster, settings });
  open.push(node!);
  return Object.assign(new SequenceApi(node!.url, http), { cluster });
}

afterAll(() => http.close());

async function closeNodes(): Promise<void> {
  await Promise.all(open.splice(0).map(node => node.close()));
}

/** Everything a refusal must be: status, code, RFC 9457 members, and telling. */
function expectProblem(
  answer: HttpAnswer,
  { status, code, says = [] }: { status: number; code: string; says?: readonly (string | RegExp)[] },
): void {
  expect(answer.body, JSON.stringify(answer.body)).toMatchObject({ code, status });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.body).toEqual(
    expect.objectContaining({
      type: `urn:seqd:error:${code}`,
      title: expect.stringMatching(/^\S.*\S$/),
      detail: expect.stringMatching(/^\S.*\S$/),
      retry: expect.stringMatching(/^(never|later|same-key)$/),
      requestId: answer.headers['x-request-id'],
    }),
  );
  const told = JSON.stringify(answer.body);
  for (const words of says) expect(told).toMatch(words);
}

interface Refused {
  readonly name: string;
  readonly send: (api: SequenceApi, headers: Record<string, string>) => Promise<HttpAnswer>;
  readonly status: number;
  readonly code: string;
  /** What the problem must name: what was wrong, what is allowed. */
  readonly says?: readonly (string | RegExp)[];
}

const JSON_TYPE = { 'content-type': 'application/json' };
const withoutField = (field: string): Record<string, unknown> => ({ [field]: undefined });

/** One claim per field, sent as a body and as a query where a query can say it. */
function refusedNext(
  name: string,
  fields: Record<string, unknown>,
  expected: Pick<Refused, 'status' | 'code' | 'says'>,
): Refused[] {
  const { status, code, says = [] } = expected;
  const entries: Refused[] = [
    {
      name: `POST next: ${name}`,
      send: (api, headers) => api.next(fields, headers),
      status,
      code,
      says,
    },
  ];
  const texts = Object.values(fields).every(value => typeof value === 'string' || typeof value === 'number');
  if (texts) {
    const query = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)]));
    entries.push({
      name: `GET next: ${name}`,
      send: (api, headers) => api.getNext(query, headers),
      status,
      code,
      says,
    });
  }
  return entries;
}

const COUNT = { status: 400, code: 'invalid_count', says: ['count', '1000'] };

const REFUSALS: readonly (Refused | Refused[])[] = [
  ...refusedNext(
    'unknown site',
    { siteId: 'site-9' },
    {
      status: 422,
      code: 'unknown_site',
      says: ['site-9', 'site-1', 'site-2'],
    },
  ),
  ...refusedNext(
    'unknown partition',
    { partitionId: 'partition-z' },
    {
      status: 422,
      code: 'unknown_partition',
      says: ['partition-z', 'partition-a', 'partition-b'],
    },
  ),
  ...refusedNext(
    'unknown type',
    { invoiceType: 'invoice' },
    {
      status: 422,
      code: 'unknown_type',
      says: ['invoice', 'on-cycle', 'off-cycle', 'simulated', 'suppressed'],
    },
  ),
  ...refusedNext(
    'a type that every object has',
    { invoiceType: 'constructor' },
    { status: 422, code: 'unknown_type' },
  ),
  ...refusedNext('an empty site', { siteId: '' }, { status: 422, code: 'unknown_site' }),
  ...refusedNext('a site in another case', { siteId: 'SITE-1' }, { status: 422, code: 'unknown_site' }),
  ...[0, -1, -0.5, 1.5, '1.0', '', ' 1', '1e2', 'many', '0x10', 2 ** 53, -(2 ** 53), '9007199254740993'].map(
    count => refusedNext(`count ${JSON.stringify(count)}`, { count }, COUNT),
  ),
  ...[null, true, [], [1], {}].map(count => refusedNext(`count ${JSON.stringify(count)}`, { count }, COUNT)),
  ...[1001, 2 ** 53 - 1].map(count =>
    refusedNext(
      `count ${count}`,
      { count },
      {
        status: 422,
        code: 'count_too_large',
        says: [String(count), '1000'],
      },
    ),
  ),
  ...['siteId', 'partitionId', 'invoiceType'].map(field =>
    refusedNext(`no ${field}`, withoutField(field), {
      status: 400,
      code: 'invalid_request',
      says: [field, 'required'],
    }),
  ),
  ...refusedNext(
    'an unknown field',
    { siteID: 'site-1' },
    {
      status: 400,
      code: 'invalid_request',
      says: ['siteID', 'siteId'],
    },
  ),
  ...refusedNext('a number for a site', { siteId: 1 }, { status: 422, code: 'unknown_site' }),
  ...refusedNext('null for a site', { siteId: null }, { status: 422, code: 'unknown_site' }),
  ...refusedNext('a text for a flag', { contiguous: 'yes' }, { status: 400, code: 'invalid_request' }),
  ...refusedNext(
    'a reference over 200 characters',
    { reference: 'x'.repeat(201) },
    {
      status: 400,
      code: 'invalid_request',
      says: ['reference', '200'],
    },
  ),
  ...refusedNext('an object for a reference', { reference: {} }, { status: 400, code: 'invalid_request' }),
  {
    name: 'every mistake is named at once',
    send: (api, headers) => api.next({ siteId: 'x', invoiceType: 'y', count: 0, extra: 1 }, headers),
    status: 400,
    code: 'invalid_request',
    says: ['"siteId"', '"invoiceType"', '"count"', '"extra"'],
  },
  {
    name: 'GET next: a parameter given twice',
    send: (api, headers) =>
      api.send(
        'GET',
        '/next?siteId=site-1&siteId=site-2&partitionId=partition-a&invoiceType=on-cycle',
        undefined,
        headers,
      ),
    status: 422,
    code: 'unknown_site',
  },
  {
    name: 'a body that is no JSON',
    send: (api, headers) => api.send('POST', '/next', '{"siteId":', { ...JSON_TYPE, ...headers }),
    status: 400,
    code: 'malformed_body',
  },
  ...['[]', '"text"', '7', 'null', 'true'].map(body => ({
    name: `JSON that is no object: ${body}`,
    send: (api: SequenceApi, headers: Record<string, string>) =>
      api.send('POST', '/next', body, { ...JSON_TYPE, ...headers }),
    status: 400,
    code: 'malformed_body',
  })),
  ...['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'nonsense'].map(type => ({
    name: `a body sent as ${type}`,
    send: (api: SequenceApi, headers: Record<string, string>) => {
      const body = JSON.stringify(nextBody());
      return api.send('POST', '/next', body, {
        'content-type': type,
        'content-length': String(Buffer.byteLength(body)),
        ...headers,
      });
    },
    status: 415,
    code: 'unsupported_media_type',
    says: ['application/json'],
  })),
  {
    name: 'a body of another type sent in chunks',
    send: (api, headers) =>
      api.send('POST', '/next', JSON.stringify(nextBody()), {
        'content-type': 'text/plain',
        'transfer-encoding': 'chunked',
        ...headers,
      }),
    status: 415,
    code: 'unsupported_media_type',
    says: ['application/json'],
  },
  {
    name: 'a body in an unknown charset',
    send: (api, headers) =>
      api.send('POST', '/next', '{}', { 'content-type': 'application/json; charset=ebcdic', ...headers }),
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'no body at all',
    send: (api, headers) => api.send('POST', '/next', undefined, headers),
    status: 400,
    code: 'malformed_body',
  },
  {
    name: 'a body over 64 KB',
    send: (api, headers) => api.next({ reference: 'x'.repeat(66_000) }, headers),
    status: 413,
    code: 'body_too_large',
    says: ['65536'],
  },
  ...['', 'two words', 'x'.repeat(201), 'gr\u00fcn'].map(key => ({
    name: `the idempotency key ${JSON.stringify(key.slice(0, 20))}`,
    send: (api: SequenceApi, headers: Record<string, string>) =>
      api.next({}, { 'idempotency-key': key, ...headers }),
    status: 400,
    code: 'invalid_request',
    says: ['Idempotency-Key', '200'],
  })),
  ...[undefined, 0, -1, 1.5, 'one', null, 2 ** 53].map(number => ({
    name: `release of the number ${JSON.stringify(number)}`,
    send: (api: SequenceApi, headers: Record<string, string>) => api.release(number, {}, headers),
    status: 400,
    code: 'invalid_request',
    says: ['sequenceNumber'],
  })),
  ...['', '1', '0-0', '01-0', '1-01', '1-0-0', '1-0 ', '1-', 'x-y', 7, null].map(allocationId => ({
    name: `release with the allocationId ${JSON.stringify(allocationId)}`,
    send: (api: SequenceApi, headers: Record<string, string>) => api.release(1, { allocationId }, headers),
    status: 400,
    code: 'invalid_request',
    says: ['allocationId', '4711-3'],
  })),
  ...['', '   ', 'x'.repeat(201), 7, undefined].map(reason => ({
    name: `release for the reason ${JSON.stringify(reason)?.slice(0, 20)}`,
    send: (api: SequenceApi, headers: Record<string, string>) => api.release(1, { reason }, headers),
    status: 400,
    code: 'invalid_request',
    says: ['reason'],
  })),
  {
    name: 'release of a number never issued',
    send: (api, headers) => api.release(1_000, {}, headers),
    status: 404,
    code: 'never_issued',
    says: ['1000'],
  },
  {
    name: 'release of the largest number there can be',
    send: (api, headers) => api.release(Number.MAX_SAFE_INTEGER, {}, headers),
    status: 404,
    code: 'never_issued',
  },
  {
    name: 'release for another partition than its owner',
    send: (api, headers) => api.release(1, { partitionId: 'partition-b' }, headers),
    status: 403,
    code: 'not_owner',
    says: ['partition-b'],
  },
  {
    name: 'release for another site than its owner',
    send: (api, headers) => api.release(1, { siteId: 'site-2' }, headers),
    status: 403,
    code: 'not_owner',
  },
  {
    name: 'release for another type than it was drawn for',
    send: (api, headers) => api.release(1, { invoiceType: 'off-cycle' }, headers),
    status: 403,
    code: 'not_owner',
    says: ['off-cycle'],
  },
  {
    name: 'release for an unknown type',
    send: (api, headers) => api.release(1, { invoiceType: 'x' }, headers),
    status: 422,
    code: 'unknown_type',
  },
  {
    name: 'release from an allocation that does not have the number',
    send: (api, headers) => api.release(1, { allocationId: '1-1' }, headers),
    status: 409,
    code: 'stale_allocation',
    says: ['1-1'],
  },
  {
    name: 'release by an unknown site',
    send: (api, headers) => api.release(1, { siteId: 'x' }, headers),
    status: 422,
    code: 'unknown_site',
  },
  {
    name: 'release of an unknown field',
    send: (api, headers) => api.release(1, { number: 1 }, headers),
    status: 400,
    code: 'invalid_request',
    says: ['number'],
  },
  {
    name: 'next with a slip in the name of a field',
    send: (api, headers) => api.next({ invoiceTyp: 'off-cycle' }, headers),
    status: 400,
    code: 'invalid_request',
    says: ['did you mean invoiceType'],
  },
  ...['/sequence/stats?site=site-1', '/verify?from=5'].map(path => ({
    name: `a parameter for what takes none, ${path},`,
    send: (api: SequenceApi, headers: Record<string, string>) => api.get(`/api/v1${path}`, headers),
    status: 400,
    code: 'invalid_request',
    says: ['is not a known field', 'there are none here'],
  })),
  {
    name: 'an unknown resource of the interface',
    send: (api, headers) => api.send('GET', '/nextt', undefined, headers),
    status: 404,
    code: 'route_not_found',
  },
  {
    name: 'an unknown resource elsewhere',
    send: (api, headers) => api.get('/nowhere', headers),
    status: 404,
    code: 'route_not_found',
  },
  {
    name: 'an address that does not decode',
    send: (api, headers) => api.get('/dashboard/%zz', headers),
    status: 404,
    code: 'route_not_found',
  },
];

const REFUSED: readonly Refused[] = REFUSALS.flat();

const WRONG_METHODS: readonly (readonly [string, string, string])[] = [
  ...['PUT', 'PATCH', 'DELETE', 'OPTIONS'].map(method => [method, '/next', 'GET, POST'] as const),
  ...['GET', 'PUT', 'DELETE'].map(method => [method, '/release', 'POST'] as const),
  ...['POST', 'PUT', 'DELETE'].map(method => [method, '/stats', 'GET'] as const),
  ...['/metrics', '/dashboard/', '/dashboard/js/main.js'].map(
    path => ['POST', `/../../..${path}`, 'GET'] as const,
  ),
];

describe('a refused request', () => {
  let api: SequenceApi;

  beforeAll(async () => {
    api = await startApi();
    expect((await api.next()).body.sequenceNumber).toBe(1);
  });

  afterAll(closeNodes);

  test.each(REFUSED)('$name → $status $code, and changes nothing', async ({ send, ...expected }) => {
    const before = await api.series();
    const answer = await send(api, { 'x-request-id': 'order-4711' });
    expectProblem(answer, expected);
    expect(answer.headers['x-request-id']).toBe('order-4711');
    expect(answer.headers['retry-after']).toBeUndefined();
    expect(await api.series()).toEqual(before);
  });

  test.each(WRONG_METHODS)('%s %s → 405 with Allow: %s, and changes nothing', async (method, path, allow) => {
    const before = await api.series();
    const answer = await api.send(method, path);
    expectProblem(answer, { status: 405, code: 'method_not_allowed', says: [method, allow] });
    expect(answer.headers['allow']).toBe(allow);
    expect(await api.series()).toEqual(before);
  });

  test('a look at the stream that asks for no WebSocket is told what it is', async () => {
    const answer = await api.send('GET', '/../../../ws');
    expectProblem(answer, { status: 400, code: 'invalid_request', says: ['WebSocket', 'seqd.live.1'] });
  });

  test('HEAD next draws no number', async () => {
    const before = await api.series();
    const query = '?siteId=site-1&partitionId=partition-a&invoiceType=on-cycle';
    const { status } = await api.send('HEAD', `/next${query}`);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(await api.series()).toEqual(before);
  });

  test('an unusable X-Request-Id is replaced by one of the node’s own, different each time', async () => {
    const ids = [];
    for (const given of ['two words', 'x'.repeat(129)]) {
      const answer = await api.send('GET', '/nextt', undefined, { 'x-request-id': given });
      expect(answer.headers['x-request-id']).not.toBe(given);
      expect(answer.body.requestId).toBe(answer.headers['x-request-id']);
      ids.push(answer.body.requestId);
    }
    expect(new Set(ids).size).toBe(2);
  });
});

describe('release', () => {
  let api: SequenceApi;

  beforeEach(async () => {
    api = await startApi();
  });

  afterEach(closeNodes);

  test('tells what it did, in exactly the documented shape', async () => {
    const { body: drawn } = await api.next();
    const { status, body } = await api.release(1, { clientId: 'erp-1', traceId: 't' });
    expect(status).toBe(200);
    expect(body).toEqual({
      sequenceNumber: 1,
      releasedTo: 'pool',
      allocationId: drawn.allocationId,
      siteId: 'site-1',
      partitionId: 'partition-a',
      invoiceType: 'on-cycle',
      reason: 'cancelled',
      node: 'node-1',
      leader: 'node-1',
      revision: expect.any(Number),
      releasedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(body.revision).toBeGreaterThan(drawn.revision);
  });

  test('of a number already released is refused, and changes nothing', async () => {
    await api.next();
    await api.release(1);
    const before = await api.series();
    expectProblem(await api.release(1), { status: 409, code: 'already_released', says: ['1'] });
    expect(await api.series()).toEqual(before);
  });

  test('of a number that another request released at the same moment is refused', async () => {
    await api.next();
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.release(1)));
    const done = answers.filter(({ status }) => status === 200);
    expect(done).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status !== 200) expectProblem(answer, { status: 409, code: 'already_released' });
    }
    expect(await api.series()).toMatchObject({ issued: 0, pooled: 1, holes: 0 });
  });

  test('of a number reissued since needs its allocationId, the current one (F6, F7)', async () => {
    const { body: first } = await api.next();
    await api.release(1);
    const { body: second } = await api.next({ reference: 'B' });
    expect(second).toMatchObject({ sequenceNumber: 1, reused: true });
    const before = await api.series();
    expectProblem(await api.release(1), {
      status: 409,
      code: 'allocation_id_required',
      says: ['allocationId'],
    });
    expectProblem(await api.release(1, { allocationId: first.allocationId }), {
      status: 409,
      code: 'stale_allocation',
      says: [first.allocationId],
    });
    expect(await api.series()).toEqual(before);
    expect((await api.release(1, { allocationId: second.allocationId })).status).toBe(200);
  });

  test('repeated with its key gets its first answer, and the number’s new owner keeps it (F6)', async () => {
    const key = { 'idempotency-key': 'release-1' };
    await api.next();
    const { body: first } = await api.release(1, {}, key);
    await api.next({ reference: 'B' });
    const before = await api.series();
    const again = await api.release(1, {}, key);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body).toEqual(first);
    expect(await api.series()).toEqual(before);
  });

  test('without gap recovery makes the number void, for good', async () => {
    const strict = await startApi({ 'sequence.core.gap-recovery-enabled': 'false' });
    await strict.next();
    expect((await strict.release(1)).body).toMatchObject({ sequenceNumber: 1, releasedTo: 'void' });
    const before = await strict.series();
    expect(before).toMatchObject({ issued: 0, pooled: 0, void: 1, holes: 0 });
    expectProblem(await strict.release(1), { status: 409, code: 'already_void', says: ['1'] });
    expect(await strict.series()).toEqual(before);
    expect((await strict.next()).body).toMatchObject({ sequenceNumber: 2, reused: false });
  });

  test('of a number below the series’ start says what was issued', async () => {
    const late = await startApi({ 'sequence.core.global-counter-start': '1000' });
    expectProblem(await late.release(5), { status: 404, code: 'never_issued', says: ['5'] });
    expect((await late.next()).body.sequenceNumber).toBe(1000);
    expectProblem(await late.release(999), { status: 404, code: 'never_issued', says: ['1000'] });
  });

  test('of a number of a range gives back that number only', async () => {
    await api.next({ count: 5 });
    expect((await api.release(3)).status).toBe(200);
    expect(await api.series()).toMatchObject({ issued: 4, pooled: 1, next: 6, holes: 0 });
    expect((await api.next()).body).toMatchObject({ sequenceNumber: 3, reused: true });
  });
});

describe('an idempotency key', () => {
  let api: SequenceApi;
  const key = { 'idempotency-key': 'invoice-2026-0001' };

  beforeEach(async () => {
    api = await startApi();
  });

  afterEach(closeNodes);

  test.each([
    ['count', { count: 2 }],
    ['site', { siteId: 'site-2' }],
    ['partition', { partitionId: 'partition-b' }],
    ['type', { invoiceType: 'off-cycle' }],
    ['behaviour', { invoiceType: 'suppressed' }],
    ['contiguous', { contiguous: true }],
    ['reference', { reference: 'other' }],
  ])('sent again with another %s is refused, and changes nothing (F3)', async (_what, fields) => {
    const { body: first } = await api.next({}, key);
    const before = await api.series();
    expectProblem(await api.next(fields, key), {
      status: 422,
      code: 'idempotency_key_reused',
      says: ['invoice-2026-0001', first.allocationId],
    });
    expect(await api.series()).toEqual(before);
    expect((await api.next({}, key)).body).toEqual(first);
  });

  test('of a draw is refused for a release', async () => {
    await api.next({}, key);
    expectProblem(await api.release(1, {}, key), { status: 422, code: 'idempotency_key_reused' });
  });

  test('gets the same numbers again, by POST or GET, and says that it does', async () => {
    const { body: first, headers } = await api.next({ count: 3 }, key);
    expect(headers['idempotent-replayed']).toBeUndefined();
    for (const again of [await api.next({ count: 3 }, key), await api.getNext({ count: '3' }, key)]) {
      expect(again.status).toBe(200);
      expect(again.headers['idempotent-replayed']).toBe('true');
      expect(again.body).toEqual(first);
    }
    expect(await api.series()).toMatchObject({ issued: 3, next: 4 });
  });

  test('of a refused request is not used up', async () => {
    expect((await api.next({ count: 0 }, key)).status).toBe(400);
    expect((await api.next({}, key)).body.sequenceNumber).toBe(1);
  });
});

describe('next', () => {
  let api: SequenceApi & { readonly cluster: string };

  beforeEach(async () => {
    api = await startApi();
  });

  afterEach(closeNodes);

  const SHAPE = {
    sequenceNumber: 1,
    count: 1,
    numbers: [{ first: 1, last: 1 }],
    allocationId: expect.stringMatching(/^[1-9]\d*-\d+$/),
    reused: false,
    siteId: 'site-1',
    partitionId: 'partition-a',
    invoiceType: 'on-cycle',
    node: 'node-1',
    leader: 'node-1',
    revision: expect.any(Number),
    issuedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  };

  test('by POST answers in exactly the documented shape', async () => {
    const { status, headers, body } = await api.next({ clientId: 'erp-1', reference: 'R-1', traceId: 't-1' });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(body).toEqual(SHAPE);
  });

  test('by GET answers in exactly the documented shape', async () => {
    const { status, body } = await api.getNext();
    expect(status).toBe(200);
    expect(body).toEqual(SHAPE);
  });

  test('with count gives that many numbers in one range', async () => {
    const { body } = await api.next({ count: 1_000 });
    expect(body).toEqual({ ...SHAPE, count: 1_000, numbers: [{ first: 1, last: 1_000 }] });
    expect((await api.getNext({ count: '2' })).body).toEqual({
      ...SHAPE,
      sequenceNumber: 1_001,
      count: 2,
      numbers: [{ first: 1_001, last: 1_002 }],
    });
  });

  test('takes the lowest released numbers first and says so', async () => {
    await api.next({ count: 5 });
    await api.release(4);
    await api.release(2);
    const { body } = await api.next({ count: 2 });
    expect(body).toEqual({
      ...SHAPE,
      sequenceNumber: 2,
      count: 2,
      numbers: [
        { first: 2, last: 2 },
        { first: 4, last: 4 },
      ],
      reused: true,
    });
  });

  test('tells range by range what is reused, where pool and counter are mixed', async () => {
    await api.next({ count: 5 });
    await api.release(2);
    await api.release(3);
    const { body } = await api.next({ count: 4 });
    expect(body).toEqual({
      ...SHAPE,
      sequenceNumber: 2,
      count: 4,
      numbers: [
        { first: 2, last: 3, reused: true },
        { first: 6, last: 7, reused: false },
      ],
      reused: true,
    });
  });

  test('with contiguous leaves the pool alone and gives one range', async () => {
    await api.next({ count: 3 });
    await api.release(2);
    const { body } = await api.next({ count: 2, contiguous: true });
    expect(body).toMatchObject({ numbers: [{ first: 4, last: 5 }], reused: false });
    expect(await api.series()).toMatchObject({ pooled: 1 });
  });

  test('of a suppressed document is numbered and released in the same step', async () => {
    const { body } = await api.next({ invoiceType: 'suppressed', count: 2 });
    expect(body).toEqual({
      ...SHAPE,
      invoiceType: 'suppressed',
      count: 2,
      numbers: [{ first: 1, last: 2 }],
      released: { reason: 'suppressed', to: 'pool' },
    });
    expect(await api.series()).toMatchObject({ issued: 0, pooled: 2, next: 3, holes: 0 });
    expect((await api.next()).body).toMatchObject({ sequenceNumber: 1, reused: true });
    expect(await verifyCluster(sharedEndpoints(), api.cluster)).toMatchObject({ complete: true });
  });

  test('of a simulated document shows what would come, and takes nothing', async () => {
    await api.next({ count: 3 });
    await api.release(2);
    const before = await api.series();
    for (let i = 0; i < 2; i += 1) {
      const { status, body } = await api.next({ invoiceType: 'simulated', count: 2 });
      expect(status).toBe(200);
      expect(body).toEqual({
        sequenceNumber: 2,
        count: 2,
        numbers: [
          { first: 2, last: 2, reused: true },
          { first: 4, last: 4, reused: false },
        ],
        reused: true,
        preview: true,
        siteId: 'site-1',
        partitionId: 'partition-a',
        invoiceType: 'simulated',
        node: 'node-1',
        leader: 'node-1',
      });
    }
    expect(await api.series()).toEqual(before);
  });

  test('of a simulated document is refused where previews are switched off', async () => {
    const strict = await startApi({ 'sequence.core.simulated-enabled': 'false' });
    expectProblem(await strict.next({ invoiceType: 'simulated' }), {
      status: 403,
      code: 'simulated_disabled',
      says: ['simulated'],
    });
  });

  test('past the series’ maximum is refused as exhausted, takes nothing, and smaller requests still fit', async () => {
    const small = await startApi({ 'sequence.core.maximum': '3' });
    await small.next({ count: 2 });
    const before = await small.series();
    expectProblem(await small.next({ count: 2 }), { status: 409, code: 'exhausted', says: ['3', '1'] });
    expect(await small.series()).toEqual(before);
    expect((await small.next()).body.sequenceNumber).toBe(3);
    expectProblem(await small.next(), { status: 409, code: 'exhausted' });
    expectProblem(await small.next({ invoiceType: 'simulated' }), { status: 409, code: 'exhausted' });
  });

  test('up to 2^53 − 1 stays exact, and ends there', async () => {
    const last = Number.MAX_SAFE_INTEGER;
    const high = await startApi({ 'sequence.core.global-counter-start': String(last - 1) });
    expect((await high.next({ count: 2 })).body.numbers).toEqual([{ first: last - 1, last }]);
    expectProblem(await high.next(), { status: 409, code: 'exhausted' });
    expect((await high.release(last)).body).toMatchObject({ sequenceNumber: last });
    expect((await high.next()).body).toMatchObject({ sequenceNumber: last, reused: true });
  });

  test('keeps any text a client may send as reference', async () => {
    for (const reference of ['発票 🧾', '"\\', '\u0000\n', '\ud800', '__proto__', '']) {
      expect((await api.next({ reference })).status).toBe(200);
    }
    expect(await verifyCluster(sharedEndpoints(), api.cluster)).toMatchObject({ complete: true, issued: 6 });
  });

  // A transaction may hold 128 operations; every 1,024 numbers of a suppressed range are a record.
  test('of several suppressed ranges of 78,000 at once answers every one', async () => {
    const wide = await startApi({ 'sequence.core.count-max': '100000' });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        wide.next({ invoiceType: 'suppressed', count: 78_000, contiguous: true }),
      ),
    );
    expect(answers.map(({ status, body }) => body.code ?? status)).toEqual(answers.map(() => 200));
  });
});
