import { expect, test } from 'vitest';
import {
  encodeLeader,
  encodeRegistration,
  parseLeader,
  parseRegistration,
} from '../../../src/cluster/registration.ts';

const node = {
  id: 'a',
  instance: 'a-1',
  site: 'site-1',
  partition: 'partition-a',
  url: 'http://a',
  peerToken: 'secret',
  lease: '7587874321',
  version: '1.2.3',
  startedAt: 12,
};

test('a registration and a leader are read as they were written', () => {
  expect(parseRegistration(encodeRegistration({ node, wallMs: 34 }))).toEqual({ node, wallMs: 34 });
  const stopped = ['default/global'];
  expect(parseRegistration(encodeRegistration({ node, wallMs: 34, stopped }))).toEqual({
    node,
    wallMs: 34,
    stopped,
  });
  expect(parseLeader(encodeLeader(node))).toEqual({ nodeId: 'a', instance: 'a-1' });
});

test('a registration without a clock, or what it has stopped, is one, and what a later version adds is passed over (F22)', () => {
  expect(parseRegistration(JSON.stringify(node))).toEqual({ node, wallMs: undefined });
  expect(parseRegistration(JSON.stringify({ ...node, colour: 'red' }))).toEqual({ node, wallMs: undefined });
});

test.each([
  '',
  'garbage',
  'null',
  '[]',
  '{}',
  JSON.stringify({ ...node, url: 1 }),
  JSON.stringify({ ...node, wallMs: '1' }),
])('%j is neither a registration nor a leader', text => {
  expect(parseRegistration(text)).toBeUndefined();
  if (!text.includes('instance')) expect(parseLeader(text)).toBeUndefined();
});
