import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { assertAdmin } from '../../../src/server/http/admin-rights.ts';

const TOKEN = 'a-token-of-enough-characters';

function asking(remoteAddress: string | undefined, headers: Record<string, string> = {}): IncomingMessage {
  return { socket: { remoteAddress }, headers: { host: '127.0.0.1:8080', ...headers } } as IncomingMessage;
}

const refused = expect.objectContaining({ code: 'admin_required' });

describe('without a token', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('a program at %s passes', address => {
    expect(() => assertAdmin(asking(address), null)).not.toThrow();
  });

  test.each(['10.0.0.5', '::ffff:10.0.0.5', '1270.0.0.1', '2001:db8::1', undefined])(
    '%s does not',
    address => {
      expect(() => assertAdmin(asking(address), null)).toThrow(refused);
    },
  );

  test.each([
    ['a proxy', { 'x-forwarded-for': '10.0.0.5' }],
    ['another proxy', { forwarded: 'for=10.0.0.5' }],
    ['a page in a browser', { origin: 'http://evil.example' }],
    ['a name that was made to lead here', { host: 'evil.example:8080' }],
    ['a name that begins like ours', { host: '127.0.0.1.evil.example' }],
  ])('%s on this machine does not', (_who, headers) => {
    expect(() => assertAdmin(asking('127.0.0.1', headers), null)).toThrow(refused);
  });
});

describe('with a token', () => {
  test('whoever knows it passes, from anywhere', () => {
    expect(() => assertAdmin(asking('10.0.0.5', { authorization: `Bearer ${TOKEN}` }), TOKEN)).not.toThrow();
  });

  test.each([undefined, '', 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN])('%j does not', header => {
    const headers: Record<string, string> = header === undefined ? {} : { authorization: header };
    expect(() => assertAdmin(asking('127.0.0.1', headers), TOKEN)).toThrow(refused);
  });
});
