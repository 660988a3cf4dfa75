import { Exchange } from '../../client/exchange.ts';
import type { HealthReply } from '../../client/index.ts';
import { EtcdConnection } from '../../store/etcd/etcd-connection.ts';
import { readMemberStatus } from '../../store/etcd/etcd-status.ts';
import type { HostCluster, HostMember, HostNode } from '../host/messages.ts';

/** A healthy one answers in a few milliseconds. */
const LOOK_TIMEOUT_MS = 1_000;

/** Who was elected, and which election that was: a later one has a higher term. */
export interface Leader<T> {
  readonly who: T;
  readonly term: number;
}

/** Looks at nodes and etcd members, as anybody could. `close` when done. */
export class ClusterWatch {
  private readonly cluster: HostCluster;
  private readonly exchange = new Exchange(4);
  private etcd: EtcdConnection | undefined;

  constructor(cluster: HostCluster) {
    this.cluster = cluster;
  }

  /**
   * Who leads the series, by the latest election that any node knows of; `undefined` while nobody does.
   *
   * @param except is not asked: it may be frozen, or believe what is long over
   */
  async leader(except?: HostNode): Promise<Leader<HostNode> | undefined> {
    const asked = this.cluster.nodes.filter(({ id }) => id !== except?.id);
    const elections = await Promise.all(asked.map(node => this.leaderSeenBy(node)));
    return elections.filter(election => election !== undefined).sort((a, b) => b.term - a.term)[0];
  }

  /** Who leads the series, as far as one node knows; `undefined` when it knows of nobody, or does not answer. */
  async leaderSeenBy(node: HostNode): Promise<Leader<HostNode> | undefined> {
    const { leader = null, epoch = null } = (await this.health(node))?.cluster ?? {};
    const who = this.cluster.nodes.find(({ id }) => id === leader);
    return who === undefined || epoch === null ? undefined : { who, term: epoch };
  }

  /** Whether the node takes requests. */
  async isReady({ url }: HostNode): Promise<boolean> {
    return (await this.get(url, '/readyz'))?.status === 200;
  }

  /** The member that leads etcd by its own account; `undefined` while none does. */
  async etcdLeader(): Promise<Leader<HostMember> | undefined> {
    const status = await readMemberStatus(this.connection());
    const leaders = status.flatMap(({ endpoint, leader, raftTerm = 0 }) => {
      const who = this.cluster.members.find(({ clientUrl }) => clientUrl === endpoint);
      return leader === true && who !== undefined ? [{ who, term: raftTerm }] : [];
    });
    return leaders.sort((a, b) => b.term - a.term)[0];
  }

  /** Whether the member serves, which needs a quorum. */
  async isServing({ clientUrl }: HostMember): Promise<boolean> {
    const answer = await this.get(clientUrl, '/health');
    return answer?.status === 200 && /"health":\s*"?true/.test(answer.text);
  }

  /** Of these nodes and members, those that do not serve. */
  async down(names: ReadonlySet<string>): Promise<string[]> {
    const { nodes, members } = this.cluster;
    const looks = [
      ...nodes.map(node => ({ name: node.id, look: () => this.isReady(node) })),
      ...members.map(member => ({ name: member.name, look: () => this.isServing(member) })),
    ].filter(({ name }) => names.has(name));
    const seen = await Promise.all(looks.map(async ({ name, look }) => ({ name, up: await look() })));
    return seen.filter(({ up }) => !up).map(({ name }) => name);
  }

  close(): void {
    this.exchange.close();
    this.etcd?.close();
  }

  private async health({ url }: HostNode): Promise<HealthReply | undefined> {
    const answer = await this.get(url, '/health');
    try {
      return answer === undefined ? undefined : (JSON.parse(answer.text) as HealthReply);
    } catch {
      return undefined;
    }
  }

  private get(url: string, path: string): Promise<{ status: number; text: string } | undefined> {
    return this.exchange
      .send({ method: 'GET', url, path, timeoutMs: LOOK_TIMEOUT_MS })
      .catch(() => undefined);
  }

  private connection(): EtcdConnection {
    this.etcd ??= new EtcdConnection({
      endpoints: this.cluster.members.map(({ clientUrl }) => clientUrl),
      callTimeoutMs: LOOK_TIMEOUT_MS,
    });
    return this.etcd;
  }
}
