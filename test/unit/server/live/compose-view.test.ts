import { describe, expect, test } from 'vitest';
import { composeShared } from '../../../../src/server/live/compose-view.ts';
import { type KnownNode, Roster } from '../../../../src/server/live/roster.ts';
import { numbersOf } from '../../../kit/live-frames.ts';
import { info, status } from './live-world.ts';

const SELF = info('node-1');

function peer(id: string, told: KnownNode['status'], fresh = true): KnownNode {
  return { info: info(id), status: told, fresh };
}

describe('of what the nodes tell about the series', () => {
  test('the newest head wins, whoever has seen it', () => {
    const own = status({ numbers: numbersOf({ sequence: 10 }) });
    const newest = numbersOf({ sequence: 12, issued: 120, next: 121 });
    const peers = [
      peer('node-2', status({ numbers: newest })),
      peer('node-3', status({ numbers: numbersOf({ sequence: 11 }) })),
    ];
    expect(composeShared(own, peers, SELF).numbers).toEqual(newest);
    expect(composeShared(status({ numbers: newest }), peers, SELF).numbers).toEqual(newest);
  });

  test('numbers do not go back when the node that told the newest falls silent', () => {
    const newest = numbersOf({ sequence: 12 });
    const peers = [peer('node-2', status({ numbers: newest }), false)];
    expect(composeShared(status(), peers, SELF).numbers).toEqual(newest);
  });

  test('after a recovery the new history wins over one that nodes remember, though its batches are fewer', () => {
    const lost = numbersOf({ sequence: 5_000, next: 5_001 });
    const recovered = numbersOf({ sequence: 1_002, next: 9_001 });
    const peers = [peer('node-2', status({ numbers: recovered }))];
    expect(composeShared(status({ numbers: lost }), peers, SELF).numbers).toEqual(recovered);
    const old = [peer('node-2', status({ numbers: lost }))];
    expect(composeShared(status({ numbers: recovered }), old, SELF).numbers).toEqual(recovered);
  });

  test('before anybody has read the series there is an empty one', () => {
    const own = status({ numbers: null });
    expect(composeShared(own, [], SELF).numbers).toMatchObject({ sequence: 0, holes: 0, issued: 0 });
  });

  test('the latest epoch names the leader, seen first by whoever saw it first', () => {
    const later = { node: 'node-3', epoch: '12', since: 900 };
    const peers = [
      peer('node-2', status({ leader: { ...later, since: 800 } })),
      peer('node-3', status({ leader: later })),
    ];
    expect(composeShared(status(), peers, SELF).leader).toEqual({ ...later, since: 800 });
  });

  test('a node without etcd is not asked who leads while another one has it', () => {
    const own = status({ etcdConnected: false, leader: { node: 'node-9', epoch: '99', since: 1 } });
    const peers = [peer('node-2', status())];
    expect(composeShared(own, peers, SELF).leader?.node).toBe('node-1');
    const all = [peer('node-2', status({ etcdConnected: false }))];
    expect(composeShared(own, all, SELF).leader?.node).toBe('node-9');
  });

  test('that nobody leads is believed from our own look', () => {
    expect(composeShared(status({ leader: null }), [peer('node-2', status())], SELF).leader).toBeNull();
  });

  test('one node that refuses after a restore is enough, and the verification comes from who does it', () => {
    const verification = { sequence: 5, problems: 0, lastPassAt: undefined, finding: undefined };
    const refusing = { state: 'refusing' as const, detail: 'set back' };
    const shared = composeShared(
      status(),
      [peer('node-2', status({ restoreGuard: refusing })), peer('node-3', status({ verification }))],
      SELF,
    );
    expect(shared.restoreGuard).toEqual(refusing);
    expect(shared.ledger.verification).toEqual(verification);
  });
});

describe('the roster', () => {
  const at = (nowMs: number): Parameters<Roster['update']>[1] => ({
    nowMs,
    self: SELF.instance,
    leader: status().leader,
    sequence: 12,
  });
  const self: KnownNode = { info: SELF, status: status(), fresh: true };

  test('says of each node how it is, and how far it is behind', () => {
    const nodes = new Roster().update(
      [
        self,
        peer('node-2', status({ problems: ['no etcd quorum answers'] })),
        peer('node-3', status({ pending: 9 }), false),
      ],
      at(0),
    );
    expect(nodes.map(({ id, state }) => [id, state])).toEqual([
      ['node-1', 'serving'],
      ['node-2', 'not-ready'],
      ['node-3', 'silent'],
    ]);
    expect(nodes[0]).toMatchObject({ self: true, leader: true, behindBatches: 2 });
    expect(nodes[2]).toMatchObject({ self: false, leader: false, pending: 0, leaseMs: null });
  });

  test('gives a node that has just come two seconds to say something', () => {
    const roster = new Roster();
    const mute = peer('node-2', undefined, false);
    const state = (nowMs: number): unknown => roster.update([self, mute], at(nowMs))[1]!.state;
    expect([state(0), state(1_900), state(2_100)]).toEqual(['not-ready', 'not-ready', 'silent']);
    expect(roster.update([self, mute], at(2_200))[1]).toMatchObject({ behindBatches: 0 });
  });

  test('shows for a minute who has gone, and no longer', () => {
    const roster = new Roster();
    roster.update([self, peer('node-2', status())], at(0));
    expect(roster.update([self], at(1_000))[1]).toMatchObject({ id: 'node-2', state: 'gone', leader: false });
    expect(roster.update([self], at(59_000))).toHaveLength(2);
    expect(roster.update([self], at(61_000))).toHaveLength(1);
  });

  test('a node that comes back under its name is one node', () => {
    const roster = new Roster();
    roster.update([self, peer('node-2', status())], at(0));
    roster.update([self], at(1_000));
    const again = { info: info('node-2', { instance: 'node-2-b' }), status: status(), fresh: true };
    expect(roster.update([self, again], at(2_000)).map(({ id, state }) => [id, state])).toEqual([
      ['node-1', 'serving'],
      ['node-2', 'serving'],
    ]);
  });
});
