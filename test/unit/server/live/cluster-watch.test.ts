import { describe, expect, test } from 'vitest';
import type { DemoRun, DemoStep } from '../../../../src/demo/demo-run.ts';
import { ClusterWatch } from '../../../../src/server/live/cluster-watch.ts';
import { DemoWatch } from '../../../../src/server/live/demo-watch.ts';
import type { LiveNode, LiveView } from '../../../../src/server/live/live-protocol.ts';
import { nodeOf, viewOf } from '../../../kit/live-frames.ts';

function node(state: LiveNode['state'], startedAt = 1_000): LiveNode {
  return nodeOf('node-2', { state, startedAt });
}

/** Kinds of the events that a change from one look to the next makes. */
function kinds(...views: readonly Partial<LiveView>[]): string[] {
  const watch = new ClusterWatch();
  return views.flatMap((fields, i) => watch.update(viewOf(fields), i).map(({ kind }) => kind));
}

describe('what changes in the cluster is an event', () => {
  const leads = (id: string, epoch: string): Partial<LiveView> => ({ leader: { node: id, epoch, since: 1 } });
  const member = (healthy: boolean, leader = false): Partial<LiveView> => ({
    members: [{ endpoint: 'http://etcd-1', healthy, leader }],
  });
  const ledger = (state: 'ok' | 'lagging', projector: string | null): Partial<LiveView> => ({
    ledger: { ...viewOf().ledger, state, projector },
  });

  test.each<[string, Partial<LiveView>[], string[]]>([
    ['what is found first is not', [{ nodes: [node('silent')] }], []],
    ['a node comes', [{}, { nodes: [node('serving')] }], ['node:joined']],
    [
      'a node falls silent, goes, and comes back as another process',
      [
        { nodes: [node('serving')] },
        { nodes: [node('silent')] },
        { nodes: [node('gone')] },
        { nodes: [node('serving', 9_000)] },
      ],
      ['node:silent', 'node:left', 'node:joined'],
    ],
    [
      'a paused node goes on',
      [{ nodes: [node('serving')] }, { nodes: [node('silent')] }, { nodes: [node('serving')] }],
      ['node:silent', 'node:back'],
    ],
    [
      'a node is not ready, and ready again',
      [{ nodes: [node('serving')] }, { nodes: [node('not-ready')] }, { nodes: [node('serving')] }],
      ['node:not-ready', 'node:ready'],
    ],
    ['another node leads', [leads('a', '1'), leads('b', '2')], ['leader:changed']],
    ['nobody leads for a while', [leads('a', '1'), { leader: null }, leads('b', '2')], ['leader:changed']],
    ['the same leadership goes on', [leads('a', '1'), { leader: null }, leads('a', '1')], []],
    ['the same node is elected again', [leads('a', '1'), leads('a', '2')], ['leader:changed']],
    [
      'a member is lost and comes back',
      [member(true), member(false), member(true, true)],
      ['member:lost', 'member:back', 'member:leads'],
    ],
    [
      'the ledger lags, and another node writes it',
      [ledger('ok', 'a'), ledger('lagging', 'a'), ledger('lagging', 'b'), ledger('ok', null)],
      ['ledger:lagging', 'projector:moved', 'ledger:ok'],
    ],
  ])('%s', (_what, views, expected) => {
    expect(kinds(...views)).toEqual(expected);
  });

  test('with an id of its own, which all nodes share where it happens only once', () => {
    const ids = [1, 2].map(at => {
      const watch = new ClusterWatch();
      watch.update(viewOf({ nodes: [] }), at);
      return watch
        .update(viewOf({ nodes: [node('serving')], leader: { node: 'b', epoch: '9', since: 1 } }), at)
        .map(({ id }) => id);
    });
    expect(ids[0]).toEqual(ids[1]);
    expect(new Set(ids[0]).size).toBe(2);
  });
});

describe('a demonstration', () => {
  const step = (state: DemoStep['state'], breaks: readonly string[] = []): DemoStep => ({
    title: `step ${breaks.join()}`,
    state,
    startedAt: null,
    endedAt: null,
    detail: [],
    breaks,
  });
  const run = (state: DemoRun['state'], steps: readonly DemoStep[]): DemoRun => ({
    id: 'r1',
    name: 'failover',
    title: 'Failover',
    plan: '',
    state,
    parameters: {},
    startedAt: 1,
    endedAt: state === 'running' ? null : 2,
    steps,
    figures: [],
    histogram: null,
    timeline: null,
    verification: null,
    problem: null,
  });

  test('is marked where it begins, breaks something and ends, once each', () => {
    const watch = new DemoWatch();
    // What it breaks is known only once the step has begun, and broken when the step is done.
    const runs = [
      run('running', [step('pending'), step('pending')]),
      run('running', [step('running'), step('pending')]),
      run('running', [step('running'), step('pending')]),
      run('running', [step('done'), step('running')]),
      run('running', [step('done'), step('running', ['node-1'])]),
      run('running', [step('done'), { ...step('done', ['node-1']), endedAt: 4.5 }]),
      run('passed', [step('done'), step('done', ['node-1'])]),
      run('passed', [step('done'), step('done', ['node-1'])]),
    ];
    const events = runs.flatMap((one, at) => watch.update(one, at));
    expect(events.map(({ kind, mark, at }) => [kind, mark, at])).toEqual([
      ['demo:started', true, 0],
      ['demo:step', false, 1],
      ['demo:step', false, 3],
      ['demo:disturbed', true, 4.5],
      ['demo:ended', true, 6],
    ]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(5);
  });

  test('that has gone on for long before this node came is told from now on only', () => {
    const watch = new DemoWatch();
    expect(watch.update(run('running', [step('done', ['node-1']), step('running')]), 9_000)).toEqual([]);
    const later = watch.update(run('passed', [step('done', ['node-1']), step('done')]), 9_500);
    expect(later.map(({ kind }) => kind)).toEqual(['demo:ended']);
  });

  test('that ended before this node came is not told again', () => {
    expect(new DemoWatch().update(run('passed', [step('done')]), 5).map(({ kind }) => kind)).toEqual([]);
  });
});
