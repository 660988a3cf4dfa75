import { expect, test } from 'vitest';
import { arrange, describeBehind } from '../../../dashboard/js/topology-view.js';
import { nodeOf } from '../../kit/live-frames.ts';

test('places are shown in the order of the configuration, then those that only nodes name; nodes by name', () => {
  const place = (site: string, partition: string) => ({ site, partition });
  const nodes = [
    nodeOf('n10', place('east', 'b')),
    nodeOf('n9', place('east', 'b')),
    nodeOf('n1', place('moved', 'x')),
    nodeOf('n2', place('west', 'new')),
  ];
  const sites = arrange(nodes, [
    { id: 'west', partitions: ['a'] },
    { id: 'east', partitions: ['a', 'b'] },
  ]);
  const drawn = sites.map(
    ({ id, items }) =>
      `${id}: ${items.map(({ id, items }) => `${id} [${items.map(node => node.id).join()}]`).join(' ')}`,
  );
  expect(drawn).toEqual(['west: a [] new [n2]', 'east: a [] b [n9,n10]', 'moved: x [n1]']);
});

test('a member of etcd says how far it is behind the newest revision, or that nobody knows', () => {
  expect(
    [0, 1, 1_234, undefined].map(behindRevisions =>
      describeBehind(behindRevisions === undefined ? {} : { behindRevisions }),
    ),
  ).toEqual(['up to date', '1 revision', '1,234 revisions', '–']);
});
