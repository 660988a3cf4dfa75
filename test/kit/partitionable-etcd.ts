import { rm } from 'node:fs/promises';
import { inject } from 'vitest';
import { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import { EtcdMember } from '../../scripts/lib/etcd-member.mjs';
import { findFreePorts } from '../../scripts/lib/ports.mjs';
import { EtcdConnection } from '../../src/store/etcd/etcd-connection.ts';
import { makeDataDirectory } from './data-directory.ts';
import { TcpGate } from './tcp-gate.ts';

const MEMBERS = 3;

/**
 * A private three-member cluster whose members reach each other through gates, one before each member's peer address, so
 * that the network between them can be parted. Their client addresses stay reachable.
 *
 * Members say who they are in the first bytes of what they send each other (`X-Server-From`), and that is how a gate
 * tells connections apart. A connection that has not said so yet is held as long as the network is parted: of those
 * there are only probes.
 */
export class PartitionableEtcd {
  readonly cluster: EtcdCluster;
  private readonly gates: readonly TcpGate[];
  /** By member, as they name themselves to each other. */
  private ids: readonly string[] = [];

  private constructor(cluster: EtcdCluster, gates: readonly TcpGate[]) {
    this.cluster = cluster;
    this.gates = gates;
  }

  static async start(): Promise<PartitionableEtcd> {
    const dataDir = await makeDataDirectory('parted-etcd');
    const ports = await findFreePorts(2 * MEMBERS);
    const peerPorts = ports.slice(MEMBERS);
    const gates = await Promise.all(peerPorts.map(port => TcpGate.start(port)));
    // To each other, and to themselves, members live where the gates are.
    const all = gates.map((gate, i) => ({
      name: `etcd-${i + 1}`,
      clientPort: ports[i]!,
      peerPort: gate.port,
    }));
    const members = all.map(
      (plan, i) =>
        new EtcdMember({
          bin: inject('etcdBin'),
          dataDir,
          logDir: dataDir,
          token: dataDir,
          plan,
          all,
          extraArgs: [`--listen-peer-urls=http://127.0.0.1:${peerPorts[i]!}`],
        }),
    );
    const etcd = new PartitionableEtcd(new EtcdCluster(dataDir, members), gates);
    etcd.cluster.onClosed(() => rm(dataDir, { recursive: true, force: true }));
    try {
      await Promise.all(members.map(member => member.start()));
      await etcd.cluster.ready();
      etcd.ids = await Promise.all(members.map(member => readMemberId(member.clientUrl)));
    } catch (error) {
      await etcd.close();
      throw error;
    }
    return etcd;
  }

  /** Parts the network: this member on one side, all others on the other. */
  isolate(member: EtcdMember): void {
    const isolated = this.cluster.members.indexOf(member);
    for (const [to, gate] of this.gates.entries()) {
      gate.cut(head => {
        const from = this.ids.indexOf(/^X-Server-From: (\w+)/im.exec(head)?.[1] ?? '');
        return from < 0 || (from === isolated) !== (to === isolated);
      });
    }
  }

  heal(): void {
    for (const gate of this.gates) gate.mend();
  }

  async close(): Promise<void> {
    this.heal();
    await this.cluster.close();
    await Promise.all(this.gates.map(gate => gate.close()));
  }
}

async function readMemberId(endpoint: string): Promise<string> {
  const connection = new EtcdConnection({ endpoints: [endpoint], callTimeoutMs: 5_000 });
  try {
    const { header } = await connection.call((client, options) => client.maintenance.status(options));
    return BigInt(header.member_id).toString(16);
  } finally {
    connection.close();
  }
}
