import { afterEach, describe, expect, it } from 'vitest';
import { SeqdClient, SeqdClientError, type SeqdClientOptions } from '../../../src/client/index.ts';
import { ERROR_CODES, type ErrorCode } from '../../../src/core/errors.ts';
import { answer, deadUrl, fakeNode, issued, refuse, refuseAtOnce } from './fake-node.ts';

const INPUT = { siteId: 'site-1', partitionId: 'partition-a', invoiceType: 'on-cycle' };

const clients: SeqdClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** Asks the first url first, and never waits without `Retry-After`. */
function connect(options: SeqdClientOptions): SeqdClient {
  const client = new SeqdClient({ random: () => 0, ...options });
  clients.push(client);
  return client;
}

async function failureOf(promise: Promise<unknown>): Promise<SeqdClientError> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SeqdClientError);
  return error as SeqdClientError;
}

const codesWith = (retry: string): ErrorCode[] =>
  (Object.keys(ERROR_CODES) as ErrorCode[]).filter(code => ERROR_CODES[code].retry === retry);

describe('keys', () => {
  it('a request without a key gets one, and another request another', async () => {
    const node = await fakeNode(response => answer(response, issued(1)));
    const client = connect({ urls: [node.url] });
    const first = await client.next(INPUT);
    await client.next(INPUT);
    expect(node.seen[0]!.key).toBe(first.key);
    expect(node.seen[1]!.key).not.toBe(first.key);
  });

  it('a key that no server accepts is refused before anything is sent', async () => {
    const node = await fakeNode(response => answer(response, issued(1)));
    const error = await failureOf(connect({ urls: [node.url] }).next(INPUT, { key: 'naïve key' }));
    expect(error).toMatchObject({ code: 'invalid_request', retry: 'never' });
    expect(node.seen).toEqual([]);
  });

  it('a replayed answer says so', async () => {
    const node = await fakeNode(response => answer(response, issued(7), { 'idempotent-replayed': 'true' }));
    const { reply, replayed } = await connect({ urls: [node.url] }).next(INPUT, { key: 'k' });
    expect([reply.sequenceNumber, replayed]).toEqual([7, true]);
  });
});

describe('repeating', () => {
  it('a connection lost after sending is repeated with the same key and payload on another node', async () => {
    const broken = await fakeNode(response => response.destroy());
    const well = await fakeNode(response => answer(response, issued(3)));
    const client = connect({ urls: [broken.url, well.url] });
    const { reply, attempts, key } = await client.next(INPUT);
    expect([reply.sequenceNumber, attempts, client.retries]).toEqual([3, 2, 1]);
    expect(broken.seen[0]).toMatchObject({ key, body: JSON.stringify(INPUT) });
    expect(well.seen[0]).toMatchObject({ key, body: broken.seen[0]!.body });
  });

  it('an answer cut off in the middle counts as lost', async () => {
    const broken = await fakeNode(response => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{"sequenceNumber":', () => response.destroy());
    });
    const well = await fakeNode(response => answer(response, issued(3)));
    const { key } = await connect({ urls: [broken.url, well.url] }).next(INPUT);
    expect(well.seen.map(request => request.key)).toEqual([key]);
    expect(broken.seen.map(request => request.key)).toEqual([key]);
  });

  it('a node that stays silent is given up after the attempt timeout', async () => {
    const silent = await fakeNode(() => {});
    const well = await fakeNode(response => answer(response, issued(3)));
    const { attempts } = await connect({ urls: [silent.url, well.url], attemptTimeoutMs: 50 }).next(INPUT);
    expect(attempts).toBe(2);
  });

  it('a node that stalls in the middle of an answer times out', async () => {
    const stalled = await fakeNode(response => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{');
    });
    const error = await failureOf(
      connect({ urls: [stalled.url], attemptTimeoutMs: 30, budgetMs: 31 }).next(INPUT),
    );
    expect(error).toMatchObject({ code: 'timeout', retry: 'same-key' });
  });

  it('a node where nobody listens is passed over', async () => {
    const well = await fakeNode(response => answer(response, issued(3)));
    const { attempts } = await connect({ urls: [await deadUrl(), well.url] }).next(INPUT);
    expect(attempts).toBe(2);
  });

  it.each([...codesWith('later'), ...codesWith('same-key')])(
    '%s is repeated with the same key',
    async code => {
      const node = await fakeNode((response, index) => {
        if (index > 0) return answer(response, issued(1));
        refuseAtOnce(response, code);
      });
      await connect({ urls: [node.url] }).next(INPUT, { key: 'k' });
      expect(node.seen.map(request => request.key)).toEqual(['k', 'k']);
    },
  );

  it.each([408, 429, 502, 503, 504])('a gateway that answers %i with a page is repeated', async status => {
    const node = await fakeNode((response, index) => {
      if (index > 0) return answer(response, issued(1));
      response.writeHead(status).end('<html>');
    });
    const { attempts } = await connect({ urls: [node.url] }).next(INPUT);
    expect(attempts).toBe(2);
  });

  it('a code of a newer server is judged by its retry member', async () => {
    const node = await fakeNode((response, index) => {
      if (index > 0) return answer(response, issued(1));
      response.writeHead(418).end(JSON.stringify({ code: 'brewing', retry: 'later', detail: 'Wait.' }));
    });
    const { attempts } = await connect({ urls: [node.url] }).next(INPUT);
    expect(attempts).toBe(2);
  });
});

describe('a refusal after an attempt of unknown outcome', () => {
  it('speaks for one node: the others are asked with the same key, and one knows the number', async () => {
    const lost = await fakeNode(response => response.destroy());
    const declines = await fakeNode(response => refuse(response, 'unknown_site'));
    const knows = await fakeNode(response => answer(response, issued(3), { 'idempotent-replayed': 'true' }));
    const client = connect({ urls: [lost.url, declines.url, knows.url] });
    const { reply, replayed, attempts } = await client.next(INPUT, { key: 'k' });
    expect([reply.sequenceNumber, replayed, attempts]).toEqual([3, true, 3]);
    expect(knows.seen.map(request => request.key)).toEqual(['k']);
  });

  it.each(codesWith('never'))(
    '%s of every node leaves the outcome unknown, and none is asked again',
    async code => {
      const lost = await fakeNode((response, index) => {
        if (index === 0) response.destroy();
        else refuse(response, code);
      });
      const declines = await fakeNode(response => refuse(response, code));
      const client = connect({ urls: [lost.url, declines.url] });
      const error = await failureOf(client.next(INPUT, { key: 'k' }));
      expect(error).toMatchObject({ code, retry: 'same-key', key: 'k', attempts: 3 });
      expect([lost.seen.length, declines.seen.length]).toEqual([2, 1]);
    },
  );

  it('does not keep a node that declines from being asked for other documents', async () => {
    const node = await fakeNode((response, index) => {
      if (index === 0) response.destroy();
      else if (index === 1) refuse(response, 'unknown_site');
      else answer(response, issued(3));
    });
    const client = connect({ urls: [node.url] });
    expect(await failureOf(client.next(INPUT))).toMatchObject({ code: 'unknown_site', retry: 'same-key' });
    expect(await client.next(INPUT)).toMatchObject({ attempts: 1 });
  });
});

describe('a node that has stopped', () => {
  it.each(['unsupported_format', 'invariant_violated'] as const)(
    'and says %s is passed over: another one serves',
    async code => {
      const stopped = await fakeNode(response => refuse(response, code));
      const serves = await fakeNode(response => answer(response, issued(3)));
      const client = connect({ urls: [stopped.url, serves.url] });
      for (let count = 0; count < 4; count += 1)
        expect(await client.next(INPUT)).toMatchObject({ url: serves.url });
      expect(stopped.seen).toHaveLength(1);
    },
  );
});

describe('never repeated', () => {
  it.each(codesWith('never'))('%s is thrown at once', async code => {
    const node = await fakeNode(response => refuse(response, code, { allowed: ['a'] }));
    const error = await failureOf(connect({ urls: [node.url] }).next(INPUT, { key: 'k' }));
    expect(error).toMatchObject({ code, retry: 'never', key: 'k', attempts: 1, problem: { allowed: ['a'] } });
    expect(node.seen).toHaveLength(1);
  });

  it('a 404 of something that is not seqd is thrown at once', async () => {
    const node = await fakeNode(response => response.writeHead(404).end('not here'));
    const error = await failureOf(connect({ urls: [node.url] }).stats());
    expect(error).toMatchObject({ code: 'bad_response', status: 404 });
    expect(node.seen).toHaveLength(1);
  });

  it('a closed client stops repeating', async () => {
    const node = await fakeNode(response => refuse(response, 'unavailable'));
    const client = connect({ urls: [node.url], onRetry: () => client.close() });
    expect(await failureOf(client.next(INPUT))).toMatchObject({ code: 'closed' });
    expect(node.seen).toHaveLength(1);
  });
});

// When it gives up, and how long it waits, is held in retry-loop.test.ts.
describe('waiting', () => {
  it('Retry-After is honoured', async () => {
    const node = await fakeNode((response, index) => {
      if (index > 0) return answer(response, issued(1));
      refuse(response, 'overloaded');
    });
    await connect({ urls: [node.url] }).next(INPUT);
    expect(node.seen[1]!.atMs - node.seen[0]!.atMs).toBeGreaterThan(950);
  });

  it('a connection that was refused changed nothing', async () => {
    const errors: SeqdClientError[] = [];
    const client = connect({
      urls: [await deadUrl()],
      onRetry: ({ error }) => {
        errors.push(error);
        client.close();
      },
    });
    await failureOf(client.next(INPUT));
    expect(errors).toEqual([expect.objectContaining({ code: 'unreachable', retry: 'later' })]);
  });
});

describe('spreading', () => {
  it('requests go round the nodes', async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => fakeNode(response => answer(response, issued(1)))));
    const client = connect({ urls: nodes.map(node => node.url) });
    for (let count = 0; count < 9; count += 1) await client.next(INPUT);
    expect(nodes.map(node => node.seen.length)).toEqual([3, 3, 3]);
  });

  it('a node that failed is left alone at first', async () => {
    const broken = await fakeNode(response => response.destroy());
    const well = await fakeNode(response => answer(response, issued(1)));
    const client = connect({ urls: [broken.url, well.url] });
    for (let count = 0; count < 3; count += 1) await client.next(INPUT);
    expect(broken.seen).toHaveLength(1);
  });

  it('connections are kept and used again', async () => {
    const ports = new Set<number | undefined>();
    const node = await fakeNode(response => {
      ports.add(response.socket?.remotePort);
      answer(response, issued(1));
    });
    const client = connect({ urls: [node.url] });
    for (let count = 0; count < 5; count += 1) await client.next(INPUT);
    expect(ports.size).toBe(1);
  });
});

describe('health', () => {
  const health = (status: string) => ({ status, node: status, version: '1', checks: {}, cluster: {} });

  it('an unhealthy node answers 503 and is no error', async () => {
    const node = await fakeNode(response => response.writeHead(503).end(JSON.stringify(health('unhealthy'))));
    expect(await connect({ urls: [node.url] }).health()).toMatchObject({ status: 'unhealthy' });
  });

  it('a healthy node is preferred to an unhealthy and an absent one', async () => {
    const ill = await fakeNode(response => response.writeHead(503).end(JSON.stringify(health('unhealthy'))));
    const well = await fakeNode(response => answer(response, health('healthy')));
    const client = connect({ urls: [await deadUrl(), ill.url, well.url] });
    expect(await client.health()).toMatchObject({ status: 'healthy' });
  });

  it('each node is asked once only', async () => {
    const error = await failureOf(connect({ urls: [await deadUrl()] }).health());
    expect(error).toMatchObject({ code: 'unreachable', attempts: 1 });
  });
});
