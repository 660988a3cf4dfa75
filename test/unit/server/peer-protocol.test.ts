import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ADOPT_GAPS_MAX } from '../../../src/core/adopt.ts';
import type { Fact } from '../../../src/core/facts.ts';
import type { Request } from '../../../src/core/requests.ts';
import { ADMIN_PENDING_MAX } from '../../../src/sequencer/admin-service.ts';
import type { ForwardOutcome } from '../../../src/ports/peers.ts';
import {
  decodeForward,
  decodeForwardReply,
  encodeForward,
  encodeForwardReply,
  FORWARD_BYTES_MAX,
} from '../../../src/server/peer-protocol.ts';

const series = { tenant: 't', series: 's', period: 'p' };
const ownerOf = (n: number) => ({ site: `s${n}`, partition: 'a', type: 'x' });

const requests = fc
  .array(
    fc.record({
      owner: fc.nat(1),
      plain: fc.boolean(),
      gap: fc.constantFrom(0, 0, 0, 1),
      since: fc.constantFrom(4, 4, 9),
    }),
    {
      maxLength: 30,
    },
  )
  .map(links => {
    let ingressNumber = 0;
    return links.map(({ owner, plain, gap, since }): Request => {
      ingressNumber += 1 + gap;
      const origin = { ingress: 'node', ingressNumber, ...(plain ? {} : { key: 'k', fingerprint: 'f' }) };
      return { command: { kind: 'issue', owner: ownerOf(owner), count: 1 }, origin, ingressSince: since };
    });
  });

test('forwarded requests arrive as they were sent', () => {
  fc.assert(
    fc.property(requests, sent => {
      const message = { series, requests: sent, epoch: 7, budgetMs: 100 };
      expect(decodeForward(encodeForward(3, message))).toEqual({ id: 3, message });
    }),
  );
});

test('requests of every other kind arrive as they were sent', () => {
  const sent: Request[] = [
    {
      command: { kind: 'issue', owner: ownerOf(0), count: 2 },
      origin: { ingress: 'n', ingressNumber: 1 },
      ingressSince: 0,
    },
    {
      command: { kind: 'issue', owner: ownerOf(0), count: 1, suppress: 'x' },
      origin: { ingress: 'n', ingressNumber: 2 },
      ingressSince: 0,
    },
    {
      command: { kind: 'issue', owner: ownerOf(0), count: 1, contiguous: true },
      origin: { ingress: 'n', ingressNumber: 3 },
      ingressSince: 0,
    },
    {
      command: { kind: 'release', number: 3, site: 'a', partition: 'b', reason: 'ü "' },
      origin: { ingress: 'n', ingressNumber: 4 },
      ingressSince: 0,
    },
  ];
  const message = { series, requests: sent, epoch: 7, budgetMs: 100 };
  expect(decodeForward(encodeForward(3, message)).message).toEqual(message);
});

test('the longest forward there can be is one that a node takes in', () => {
  const long = '\u0000'.repeat(200);
  const origin = {
    ingress: 'n'.repeat(64),
    ingressNumber: 2 ** 53 - 1,
    key: '"'.repeat(200),
    fingerprint: 'f'.repeat(64),
  };
  const largest = 2 ** 53 - 1;
  const adopt: Request = {
    command: {
      kind: 'adopt',
      first: largest,
      last: largest,
      gaps: Array.from({ length: ADOPT_GAPS_MAX }, () => ({ first: largest, last: largest })),
      source: '"'.repeat(64),
      reason: long,
      actor: long,
    },
    origin,
    ingressSince: largest,
  };
  const size = (request: Request): number =>
    Buffer.byteLength(encodeForward(1, { series, requests: [request], epoch: 7, budgetMs: 100 }));
  expect(size(adopt)).toBeLessThan(65_536);
  expect(4_096 * 8_192 + ADMIN_PENDING_MAX * size(adopt)).toBeLessThan(FORWARD_BYTES_MAX);
});

const outcomes = fc
  .array(
    fc.record({
      kind: fc.constantFrom('done', 'done', 'done', 'replayed', 'failed'),
      jump: fc.constantFrom(0, 0, 0, 1),
    }),
    {
      maxLength: 30,
    },
  )
  .map(links => {
    let sequence = 5;
    let index = -1;
    return links.map(({ kind, jump }): ForwardOutcome => {
      if (kind === 'failed')
        return { status: 'failed', code: 'exhausted', detail: 'none left', details: { next: 3 } };
      sequence += jump;
      index = jump === 0 ? index + 1 : 0;
      const first = sequence * 100 + index;
      const fact: Fact = { kind: 'issue', owner: ownerOf(jump), fresh: { first, last: first }, reused: [] };
      const record = { fact, position: { sequence, index }, time: 1_000 + sequence, revision: 10 + sequence };
      return { status: 'done', record, replayed: kind === 'replayed' };
    });
  });

test('outcomes arrive as they were sent, each with its place', () => {
  fc.assert(
    fc.property(outcomes, sent => {
      const reply = { status: 'done' as const, sequence: 9, outcomes: sent };
      expect(decodeForwardReply(encodeForwardReply(3, reply))).toEqual({ id: 3, reply });
    }),
  );
});

test('a hundred plain draws take little more room than one, there and back', () => {
  const many = Array.from({ length: 100 }, (_, i): Request => ({
    command: { kind: 'issue', owner: ownerOf(0), count: 1 },
    origin: { ingress: 'node', ingressNumber: i + 1 },
    ingressSince: 0,
  }));
  const size = (sent: readonly Request[]): number =>
    encodeForward(1, { series, requests: sent, epoch: 1, budgetMs: 1 }).length;
  expect(size(many)).toBeLessThan(size(many.slice(0, 1)) + 10);
});

test('a node that does not lead says so', () => {
  expect(decodeForwardReply(encodeForwardReply(8, { status: 'not_leader' }))).toEqual({
    id: 8,
    reply: { status: 'not_leader' },
  });
});
