import type { IKeyValue } from 'etcd3';
import type { SeriesId } from '../core/identifiers.ts';
import type { Leader, NodeInfo } from '../ports/coordination.ts';
import type { EtcdKeys } from '../store/etcd/etcd-keys.ts';
import type { ClockStamp } from './cluster-time.ts';
import { parseLeader, parseRegistration } from './registration.ts';

/** Who is in the cluster and who leads what, as one look at etcd showed it. */
export interface ClusterDirectory {
  /** By id. */
  readonly nodes: ReadonlyMap<string, NodeInfo>;
  /** By election. */
  readonly leaders: ReadonlyMap<string, Leader>;
  /** Elections that a process can do nothing with any more, by its instance. */
  readonly stopped: ReadonlyMap<string, readonly string[]>;
  /** Of each registration, by instance. */
  readonly revisions: ReadonlyMap<string, string>;
  /** What the nodes' clocks showed when they registered. */
  readonly stamps: readonly ClockStamp[];
  /** Keys that nothing could be made of. */
  readonly unreadable: ReadonlySet<string>;
}

/** Before the first look. */
export const EMPTY_DIRECTORY: ClusterDirectory = {
  nodes: new Map(),
  leaders: new Map(),
  stopped: new Map(),
  revisions: new Map(),
  stamps: [],
  unreadable: new Set(),
};

/** The election of a series, as in its key. */
export function electionName(series: SeriesId): string {
  return `${series.tenant}/${series.series}`;
}

/** The same, with a node that has just registered. */
export function withNode(directory: ClusterDirectory, node: NodeInfo): ClusterDirectory {
  return { ...directory, nodes: new Map(directory.nodes).set(node.id, node) };
}

/** Reads what is stored below the cluster's node and leader keys; what is unreadable is passed over. */
export function readDirectory(
  keys: EtcdKeys,
  registrations: readonly IKeyValue[],
  elections: readonly IKeyValue[],
): ClusterDirectory {
  const nodes = new Map<string, NodeInfo>();
  const leaders = new Map<string, Leader>();
  const stopped = new Map<string, readonly string[]>();
  const revisions = new Map<string, string>();
  const stamps: ClockStamp[] = [];
  const unreadable = new Set<string>();
  for (const kv of registrations) {
    const key = kv.key.toString('utf8');
    const registration = parseRegistration(kv.value.toString('utf8'));
    if (registration === undefined || keys.node(registration.node.id) !== key) {
      unreadable.add(key);
      continue;
    }
    const { node, wallMs } = registration;
    nodes.set(node.id, node);
    revisions.set(node.instance, kv.mod_revision);
    if (registration.stopped !== undefined) stopped.set(node.instance, registration.stopped);
    if (wallMs !== undefined) stamps.push({ instance: node.instance, wallMs });
  }
  for (const kv of elections) {
    const key = kv.key.toString('utf8');
    const leader = parseLeader(kv.value.toString('utf8'));
    if (leader === undefined) {
      unreadable.add(key);
      continue;
    }
    const { nodeId, instance } = leader;
    const node = nodes.get(nodeId);
    leaders.set(key.slice(keys.leaders.length), {
      node: node?.instance === instance ? node : undefined,
      nodeId,
      instance,
      epoch: Number(kv.mod_revision),
      guard: { key, revision: kv.mod_revision },
    });
  }
  return { nodes, leaders, stopped, revisions, stamps, unreadable };
}
