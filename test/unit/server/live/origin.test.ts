import { expect, test } from 'vitest';
import { isOriginAllowed } from '../../../../src/server/live/origin.ts';

const NODES = ['http://127.0.0.1:8080', 'http://[::1]:8081', 'https://node-3.example:8443', 'not a url', ''];

test.each([
  ['no origin: a program', undefined, true],
  ['the page of the node itself', 'http://10.0.0.5:8080', true],
  ['the same host behind a proxy that speaks TLS', 'https://10.0.0.5:8080', true],
  ['another node', 'https://node-3.example:8443', true],
  ['another node by another name of this machine', 'http://localhost:8081', true],
  ['another node on loopback', 'http://[::1]:8080', true],
  ['another port', 'http://127.0.0.1:9999', false],
  ['another scheme than the node has', 'http://node-3.example:8443', false],
  ['another site', 'https://evil.example', false],
  ['a name that begins like a node', 'https://node-3.example.evil:8443', false],
  ['a sandboxed page', 'null', false],
  ['nothing at all', '', false],
])('%s', (_what, origin, allowed) => {
  expect(isOriginAllowed(origin, { host: '10.0.0.5:8080', nodeUrls: NODES })).toBe(allowed);
});
