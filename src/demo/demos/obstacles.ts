import type { HostCluster } from '../host/messages.ts';

/** Nothing stands in the way. */
export const none = (): null => null;

/** For what needs somebody to take over. */
export function needsTwoNodes({ nodes }: HostCluster): string | null {
  return nodes.length >= 2 ? null : 'it needs two nodes, and there is one';
}

/** For what needs members that can be stopped, and a quorum without one of them. */
export function needsThreeMembers({ members }: HostCluster): string | null {
  if (members.length === 0) return 'etcd was there before and is not touched';
  return members.length >= 3 ? null : `it needs three etcd members, and there are ${members.length}`;
}

/** For what freezes a node. */
export function needsPause(cluster: HostCluster): string | null {
  return cluster.canPause ? needsTwoNodes(cluster) : 'processes cannot be paused on this system';
}
