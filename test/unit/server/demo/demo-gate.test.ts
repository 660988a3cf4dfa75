import { describe, expect, test } from 'vitest';
import { mayUseDemos } from '../../../../src/server/http/demo-gate.ts';

const NODES = ['http://127.0.0.1:8080', 'http://127.0.0.1:8081', 'https://numbers.example'];
const caller = (headers: Record<string, string> = {}, remoteAddress: string | undefined = '127.0.0.1') => ({
  remoteAddress,
  headers: { host: '127.0.0.1:8080', ...headers },
  httpVersion: '1.1',
});

describe('demonstrations may be used', () => {
  test.each([
    ['from IPv4 loopback', caller()],
    ['from elsewhere in 127/8', caller({}, '127.8.9.10')],
    ['from IPv6 loopback', caller({ host: '[::1]:8080' }, '::1')],
    ['from IPv4 loopback on an IPv6 socket', caller({}, '::ffff:127.0.0.1')],
    ['by the name localhost, with or without a port', caller({ host: 'LOCALHOST' })],
    ['by the page of the node', caller({ origin: 'http://127.0.0.1:8080' })],
    [
      'by the page of another node',
      caller({ origin: 'http://127.0.0.1:8081', 'sec-fetch-site': 'same-site' }),
    ],
    [
      'by the page under another name of this machine',
      caller({ origin: 'http://localhost:8080', 'sec-fetch-site': 'cross-site' }),
    ],
    ['by the page under the IPv6 name of this machine', caller({ origin: 'http://[::1]:8080' })],
    ['by the page of a node that is known by a name', caller({ origin: 'https://numbers.example' })],
    ['by a GET of the own page, which has no origin', caller({ 'sec-fetch-site': 'same-origin' })],
  ])('%s', (_, request) => {
    expect(mayUseDemos(request, NODES)).toBe(true);
  });
});

describe('demonstrations do not exist', () => {
  test.each([
    ['from another machine', caller({}, '192.168.1.7')],
    ['from another machine that looks like this one', caller({}, '1127.0.0.1')],
    ['from another machine on an IPv6 socket', caller({}, '::ffff:10.0.0.1')],
    ['from an unknown address', { ...caller(), remoteAddress: undefined }],
    ['through a proxy that says for whom it asks', caller({ 'x-forwarded-for': '127.0.0.1' })],
    ['through a proxy that says so in the standard way', caller({ forwarded: 'for=127.0.0.1' })],
    ['through a proxy that only names the host', caller({ 'x-forwarded-host': 'localhost' })],
    ['through a proxy that says no more than that it is one', caller({ via: '1.1 proxy' })],
    ['through a proxy that says nothing, as some do by default', { ...caller(), httpVersion: '1.0' }],
    ['through nginx', caller({ 'x-real-ip': '127.0.0.1' })],
    ['under a name that leads here (DNS rebinding)', caller({ host: 'evil.example:8080' })],
    ['under a name that begins like ours', caller({ host: 'localhost.evil.example' })],
    ['under a name that hides ours', caller({ host: 'evil.example:80@localhost' })],
    ['under another address of this machine', caller({ host: '192.168.1.2:8080' })],
    ['under no name', caller({ host: '' })],
    ['for a page of somebody else', caller({ origin: 'https://evil.example' })],
    ['for another program of this machine', caller({ origin: 'http://localhost:3000' })],
    ['for a page that hides its origin', caller({ origin: 'null' })],
    ['for an origin that is more than one', caller({ origin: 'http://127.0.0.1:8080/x' })],
    ['for an origin with credentials', caller({ origin: 'http://evil@127.0.0.1:8080' })],
    ['for a page with our address and another scheme', caller({ origin: 'https://127.0.0.1:8080' })],
    ['for an extension', caller({ origin: 'chrome-extension://abcdef' })],
    ['for a picture on a page of somebody else', caller({ 'sec-fetch-site': 'cross-site' })],
  ])('%s', (_, request) => {
    expect(mayUseDemos(request, NODES)).toBe(false);
  });

  test('without a Host header', () => {
    expect(mayUseDemos({ ...caller(), headers: {} }, NODES)).toBe(false);
  });
});
