import type { ClusterView, HealthReply, LedgerStatus } from '../client/index.ts';
import { describeLedger } from './ledger-line.ts';
import { table } from './output.ts';

/** What one address answered. */
export type NodeStatus =
  { readonly url: string; readonly health: HealthReply } | { readonly url: string; readonly problem: string };

/** A node in the report. */
export interface NodeRow {
  /** `null` for an address that nobody answers at and no node is registered with. */
  readonly id: string | null;
  readonly url: string;
  readonly site: string | null;
  readonly partition: string | null;
  readonly state: 'healthy' | 'unhealthy' | 'unreachable';
  readonly leader: boolean;
  readonly version: string | null;
  readonly startedAt: string | null;
  /** What is wrong; empty when nothing is. */
  readonly problems: readonly string[];
}

/** The whole cluster. */
export interface ClusterStatus {
  /** `unhealthy`: no node can serve. `degraded`: some can, but not all nodes and members are well. */
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly cluster: string;
  readonly leader: string | null;
  readonly epoch: number | null;
  /** The node whose view of the cluster this is. */
  readonly answeredBy: string;
  readonly nodes: readonly NodeRow[];
  readonly members: ClusterView['members'];
  readonly ledger: LedgerStatus;
}

/** Brings one node's view of the cluster and every node's own answer together. */
export function gatherStatus(view: HealthReply, answers: readonly NodeStatus[]): ClusterStatus {
  const { cluster } = view;
  const rows = new Map<string, NodeRow>();
  for (const answer of answers) {
    const row = rowOf(answer, cluster);
    // One node may be known by two addresses, such as localhost and 127.0.0.1.
    const key = row.id ?? row.url;
    if (rows.get(key)?.state !== 'healthy') rows.set(key, row);
  }
  const nodes = [...rows.values()].sort((a, b) => (a.id ?? '~').localeCompare(b.id ?? '~'));
  const serving = nodes.filter(node => node.state === 'healthy').length;
  const allWell = serving === nodes.length && cluster.members.every(member => member.healthy);
  return {
    status: serving === 0 ? 'unhealthy' : allWell ? 'healthy' : 'degraded',
    cluster: cluster.name,
    leader: cluster.leader,
    epoch: cluster.epoch,
    answeredBy: view.node,
    nodes,
    members: cluster.members,
    ledger: cluster.ledger,
  };
}

function rowOf(answer: NodeStatus, cluster: ClusterView): NodeRow {
  const health = 'health' in answer ? answer.health : undefined;
  const known = cluster.nodes.find(node =>
    health === undefined ? node.url === answer.url : node.id === health.node,
  );
  const problems = health === undefined ? [(answer as { problem: string }).problem] : problemsOf(health);
  return {
    id: health?.node ?? known?.id ?? null,
    url: known?.url ?? answer.url,
    site: known?.site ?? null,
    partition: known?.partition ?? null,
    state: health?.status ?? 'unreachable',
    leader: known?.leader ?? false,
    version: health?.version ?? known?.version ?? null,
    startedAt: known?.startedAt ?? null,
    problems,
  };
}

function problemsOf({ checks }: HealthReply): string[] {
  return Object.entries(checks).flatMap(([name, problem]) =>
    problem === 'ok' ? [] : [`${name}: ${problem}`],
  );
}

/** The status as tables for people. */
export function describeStatus(status: ClusterStatus): string[] {
  const { nodes, members } = status;
  const healthyMembers = members.filter(member => member.healthy).length;
  return [
    ...table([
      ['cluster', status.cluster],
      ['status', status.status],
      ['leader', status.leader === null ? 'none' : `${status.leader} (epoch ${status.epoch})`],
      ['etcd', `${healthyMembers} of ${members.length} members healthy`],
      ['ledger', describeLedger(status.ledger)],
    ]),
    '',
    ...table([
      ['node', 'site', 'partition', 'url', 'state', 'role', 'version', 'problem'],
      ...nodes.map(node => [
        node.id ?? '?',
        node.site ?? '',
        node.partition ?? '',
        node.url,
        node.state,
        node.leader ? 'leader' : '',
        node.version ?? '',
        node.problems.join('; '),
      ]),
    ]),
    '',
    ...table([
      ['etcd member', 'state', 'role', 'version', 'revision', 'behind', 'database', 'problem'],
      ...members.map(member => [
        member.endpoint,
        member.healthy ? 'healthy' : 'unhealthy',
        member.leader === true ? 'leader' : '',
        member.version ?? '',
        member.revision ?? '',
        member.behindRevisions ?? '',
        member.databaseBytes === undefined ? '' : `${(member.databaseBytes / 1024 / 1024).toFixed(1)} MiB`,
        member.error ?? '',
      ]),
    ]),
  ];
}
