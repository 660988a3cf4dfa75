import { expect, test } from 'vitest';
import { configAsObject, describeConfig, loadConfig } from '../../../src/config/index.ts';
import { errorOf, isolated, issuesOf } from './kit.ts';

const SEQD_DEMO_URL = 'http://127.0.0.1:20001';
const SEQD_DEMO_TOKEN = 'a-secret-of-enough-characters';
const options = (env: Record<string, string>) => isolated({}, { env });

test('there are no demonstrations unless the environment says so, and null takes them away again', () => {
  expect(loadConfig(options({})).config.demo).toEqual({ url: null, token: null });
  const both = { SEQD_DEMO_URL, SEQD_DEMO_TOKEN };
  expect(loadConfig(options(both)).config.demo).toEqual({ url: SEQD_DEMO_URL, token: SEQD_DEMO_TOKEN });
  const files = { 'a.yml': `demo: { url: ${SEQD_DEMO_URL}, token: ${SEQD_DEMO_TOKEN} }` };
  const none = { SEQD_DEMO_URL: 'null', SEQD_DEMO_TOKEN: 'null' };
  expect(loadConfig(isolated(files, { files: ['a.yml'], env: none })).config.demo.url).toBeNull();
});

test('the token is never shown', () => {
  const loaded = loadConfig(options({ SEQD_DEMO_URL, SEQD_DEMO_TOKEN }));
  const shown = describeConfig(loaded) + JSON.stringify(configAsObject(loaded));
  expect(shown).toContain(SEQD_DEMO_URL);
  expect(shown).toContain('token: "***"');
  expect(shown).not.toContain(SEQD_DEMO_TOKEN);
  const { message } = errorOf(options({ SEQD_DEMO_URL, SEQD_DEMO_TOKEN: 'too-short' }));
  expect(message).toContain('demo.token: must be null or a secret');
  expect(message).not.toContain('too-short');
});

test.each(['http://localhost:1', 'http://[::1]:65535', 'http://127.0.0.1:20001/'])(
  '%s is an address',
  url => {
    expect(loadConfig(options({ SEQD_DEMO_URL: url, SEQD_DEMO_TOKEN })).config.demo.url).toBe(url);
  },
);

test.each([
  'http://192.168.1.2:20001',
  'http://evil.example:20001',
  'http://127.0.0.1.evil.example:20001',
  'http://127.0.0.1:20001@evil.example:80',
  'https://127.0.0.1:20001',
  'http://127.0.0.1',
  'http://127.0.0.1:0',
  'http://127.0.0.1:70000',
  'http://127.0.0.1:20001/other',
  'http://user:pass@127.0.0.1:20001',
  '127.0.0.1:20001',
])('%s is refused: the process that may kill nodes is on this machine', url => {
  const [issue] = issuesOf(options({ SEQD_DEMO_URL: url, SEQD_DEMO_TOKEN }));
  expect(issue).toMatchObject({ path: 'demo.url', code: 'invalid-value' });
});

test('an address without a token, or a token without an address, is a mistake that names the other', () => {
  const [noToken] = issuesOf(options({ SEQD_DEMO_URL }));
  expect(noToken).toMatchObject({ path: 'demo.token', code: 'conflict', against: { path: 'demo.url' } });
  const error = errorOf(options({ SEQD_DEMO_TOKEN }));
  expect(error.issues[0]).toMatchObject({ path: 'demo.url', against: { path: 'demo.token' } });
  expect(error.message).not.toContain(SEQD_DEMO_TOKEN);
});
