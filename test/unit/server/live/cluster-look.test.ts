import { describe, expect, test } from 'vitest';
import { GLOBAL_SERIES } from '../../../../src/core/identifiers.ts';
import { ClusterLook } from '../../../../src/server/live/cluster-look.ts';
import { NO_DEMOS } from '../../../../src/server/live/demo-source.ts';
import type { NodeStatus } from '../../../../src/server/live/node-status.ts';
import type { KnownNode } from '../../../../src/server/live/roster.ts';
import { viewOf } from '../../../kit/live-frames.ts';
import { info, status } from './live-world.ts';

/** Looks of node-1, at so many milliseconds after it was made. */
class LookWorld {
  connected = true;
  private readonly beganMs = performance.now();
  private readonly look = new ClusterLook(
    {
      series: GLOBAL_SERIES,
      cluster: 'test',
      coordination: this.coordination(),
      clock: { now: () => 1_000, monotonicMs: () => performance.now() },
      vocabulary: viewOf().vocabulary,
      demo: NO_DEMOS,
    },
    { members: viewOf().members, owners: () => viewOf().owners },
  );

  /** What it finds, and what is news to it. */
  take(ms: number, own: NodeStatus, peers: readonly KnownNode[] = []): { alerts: string[]; news: string[] } {
    const nowMs = this.beganMs + ms;
    const { view, events } = this.look.take({ nowMs, status: own, peers, traffic: viewOf().traffic });
    return { alerts: view.alerts.map(({ id }) => id), news: events.map(({ kind }) => kind) };
  }

  private coordination(): ConstructorParameters<typeof ClusterLook>[0]['coordination'] {
    const isConnected = (): boolean => this.connected;
    return {
      get connected() {
        return isConnected();
      },
      self: info('node-1'),
      nodes: () => [],
      leader: () => undefined,
    };
  }
}

const STOPPED = status({ stopped: 'a hole' });
const peer = (told: NodeStatus | undefined): KnownNode => ({
  info: info('node-2'),
  status: told,
  fresh: told !== undefined,
});

describe('a node that has just come', () => {
  test('finds nothing wrong until it is in contact with etcd and all have told how they are, and that is no news', () => {
    const world = new LookWorld();
    expect(world.take(100, STOPPED, [peer(undefined)])).toEqual({ alerts: [], news: [] });
    expect(world.take(200, STOPPED, [peer(status())])).toEqual({
      alerts: ['stopped:node-1'],
      news: ['alert:raised'],
    });
    expect(world.take(300, STOPPED, []).news).toEqual(['node:left']);
  });

  test('waits no longer than two and a half seconds for those that say nothing', () => {
    const world = new LookWorld();
    expect(world.take(100, STOPPED, [peer(undefined)]).alerts).toEqual([]);
    expect(world.take(2_500, STOPPED, [peer(undefined)]).alerts).toEqual([]);
    expect(world.take(2_700, STOPPED, [peer(undefined)]).alerts).toEqual(['stopped:node-1']);
  });

  test('says after ten seconds that etcd is not there', () => {
    const world = new LookWorld();
    world.connected = false;
    const cut = status({ etcdConnected: false });
    expect(world.take(9_000, cut).alerts).toEqual([]);
    expect(world.take(10_100, cut).alerts).toEqual(['quorum-lost']);
  });
});
