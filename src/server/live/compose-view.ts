import type { NodeInfo } from '../../ports/coordination.ts';
import type { LiveLeader, LiveNumbers, LiveView } from './live-protocol.ts';
import type { NodeStatus } from './node-status.ts';
import type { KnownNode } from './roster.ts';

/** Before any node has read the series. */
const NO_NUMBERS: LiveNumbers = {
  start: 1,
  next: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  reuse: 'lowest-first',
  issued: 0,
  pooled: 0,
  reserved: 0,
  void: 0,
  imported: 0,
  holes: 0,
  sequence: 0,
  chain: '0'.repeat(64),
  revision: 0,
  lastBatchAt: null,
};

/** What the nodes say about the series as a whole. */
export type SharedView = Pick<LiveView, 'numbers' | 'leader' | 'ledger' | 'restoreGuard'>;

/** The same from what all fresh nodes tell: of numbers and ledger the one counts that has seen the newest batch. */
export function composeShared(own: NodeStatus, known: readonly KnownNode[], self: NodeInfo): SharedView {
  const told = known.flatMap(({ info, status, fresh }) =>
    status !== undefined && fresh && info.instance !== self.instance ? [status] : [],
  );
  const all = [own, ...told];
  // Numbers do not go back when the node that told them has gone silent.
  const heard = [own, ...known.flatMap(({ status }) => status ?? [])];
  const newest = newestOf(heard);
  return {
    numbers: newest.numbers ?? NO_NUMBERS,
    leader: leaderOf(own, told),
    ledger: {
      ...newestOf(all).ledger,
      verification: all.find(({ verification }) => verification !== null)?.verification ?? null,
    },
    restoreGuard:
      all.find(({ restoreGuard }) => restoreGuard.state === 'refusing')?.restoreGuard ?? own.restoreGuard,
  };
}

function newestOf(statuses: readonly NodeStatus[]): NodeStatus {
  return statuses.reduce((newest, status) => (isNewer(status.numbers, newest.numbers) ? status : newest));
}

/**
 * In one history the counter never goes back, so its batches decide. A recovery may begin with a lower batch than nodes remember that have
 * not read it yet, but it has raised the counter above all that they know.
 */
function isNewer(one: LiveNumbers | null, other: LiveNumbers | null): boolean {
  if (one === null || other === null) return one !== null;
  return one.next === other.next ? one.sequence > other.sequence : one.next > other.next;
}

/** The latest leadership that a node in contact with etcd knows of; without such a node, the last known. */
function leaderOf(own: NodeStatus, told: readonly NodeStatus[]): LiveLeader | null {
  const connected = [own, ...told].filter(({ etcdConnected }) => etcdConnected);
  // Who is in contact has read lately; that there is no leader is known from our own look only.
  if (own.etcdConnected && own.leader === null) return null;
  const leaders = (connected.length > 0 ? connected : [own, ...told]).flatMap(({ leader }) => leader ?? []);
  const epoch = Math.max(0, ...leaders.map(leader => Number(leader.epoch)));
  const latest = leaders.filter(leader => Number(leader.epoch) === epoch);
  if (latest[0] === undefined) return null;
  return { ...latest[0], since: Math.min(...latest.map(({ since }) => since)) };
}
