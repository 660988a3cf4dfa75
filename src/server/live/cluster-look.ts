import { seriesName } from '../../core/identifiers.ts';
import { AlertBook } from './alert-book.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { composeShared } from './compose-view.ts';
import type { DemoSource } from './demo-source.ts';
import { findAlerts } from './find-alerts.ts';
import type { ClusterEvent, LiveTraffic, LiveView } from './live-protocol.ts';
import type { NodeReader, ReaderSources } from './node-reader.ts';
import type { NodeStatus } from './node-status.ts';
import { type KnownNode, Roster } from './roster.ts';

/** What a look takes from this node, beside how it stands. */
export interface LookSources extends Pick<ReaderSources, 'series' | 'coordination' | 'clock'> {
  readonly cluster: string;
  readonly vocabulary: LiveView['vocabulary'];
  readonly demo: DemoSource;
}

/** What a start may take before it is news that there is no contact with etcd. */
const START_MS = 10_000;
/** From then until all nodes have told how they are. */
const SETTLE_MS = 2_500;

/** Looks at the cluster: puts together what this node and the others tell, and says what is wrong and what has changed since the last look. */
export class ClusterLook {
  private readonly sources: LookSources;
  private readonly node: Pick<NodeReader, 'members' | 'owners'>;
  private readonly roster = new Roster();
  private readonly alerts = new AlertBook();
  private readonly watch = new ClusterWatch();
  private readonly createdMs = performance.now();
  /** When there was contact with etcd first. */
  private connectedMs: number | undefined;
  private started = false;

  constructor(sources: LookSources, node: ClusterLook['node']) {
    this.sources = sources;
    this.node = node;
  }

  /**
   * @param status this node's
   * @param peers the other nodes
   */
  take({
    nowMs,
    status,
    peers,
    traffic,
  }: {
    nowMs: number;
    status: NodeStatus;
    peers: readonly KnownNode[];
    traffic: LiveTraffic;
  }): { view: LiveView; events: ClusterEvent[] } {
    const { series, cluster, coordination, clock, demo, vocabulary } = this.sources;
    const { self } = coordination;
    const at = clock.now();
    const known: KnownNode[] = [{ info: self, status, fresh: true }, ...peers];
    const shared = composeShared(status, known, self);
    const seen = {
      cluster,
      series: seriesName(series),
      ...shared,
      traffic,
      nodes: this.roster.update(known, {
        nowMs,
        self: self.instance,
        leader: shared.leader,
        sequence: shared.numbers.sequence,
      }),
      members: this.node.members,
      owners: this.node.owners(nowMs),
      demo: { available: demo.available, run: demo.available ? demo.run() : null },
      vocabulary,
    };
    const starting = this.isStarting(nowMs, known);
    const alerts = this.alerts.update(starting ? [] : findAlerts(seen, { statuses: heard(known) }), at);
    const view: LiveView = { ...seen, alerts: alerts.current };
    // What a node finds when it comes is not news.
    const changes = starting ? [] : this.watch.update(view, at);
    return { view, events: [...alerts.events, ...changes] };
  }

  /** Whether it has not had the time to learn who is there, and how they are. */
  private isStarting(nowMs: number, known: readonly KnownNode[]): boolean {
    if (this.started) return false;
    if (this.sources.coordination.connected) this.connectedMs ??= nowMs;
    const sinceMs = nowMs - (this.connectedMs ?? this.createdMs);
    const complete = this.connectedMs !== undefined && known.every(({ status }) => status !== undefined);
    this.started = complete || sinceMs > (this.connectedMs === undefined ? START_MS : SETTLE_MS);
    return !this.started;
  }
}

function heard(known: readonly KnownNode[]): { node: string; status: NodeStatus }[] {
  return known.flatMap(({ info, status, fresh }) =>
    fresh && status !== undefined ? [{ node: info.id, status }] : [],
  );
}
