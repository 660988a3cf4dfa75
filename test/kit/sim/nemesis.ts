import type { CommitFault, ReadFault, StoreFaults } from './faulty-store.ts';
import type { Random } from './random.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { ForwardFault } from './sim-network.ts';

/** Longest after the caller gave up that a commit still arrives. */
export const COMMIT_LATE_MS_MAX = 2_500;
/** Longest after the sender gave up that a message still arrives. */
export const FORWARD_LATE_MS_MAX = 5_000;

/** How often what goes wrong, as probabilities per call. */
interface Rates {
  readonly dropRequest: number;
  readonly dropReply: number;
  readonly applyLate: number;
  readonly duplicate: number;
  readonly refuse: number;
  readonly readFails: number;
  readonly forwardLost: number;
  readonly forwardReplyLost: number;
  readonly forwardLate: number;
  readonly forwardTwice: number;
  readonly latencyMs: number;
  readonly latencyMsMax: number;
}

/** Makes things go wrong, by chance but repeatably: call by call, and in larger strokes every now and then. */
export class Nemesis {
  /** What it did, for the report of a failed run. */
  readonly deeds: string[] = [];
  private readonly cluster: SimCluster;
  private readonly random: Random;
  private readonly rates: Rates;
  private healed = false;

  constructor(cluster: SimCluster, random: Random) {
    this.cluster = cluster;
    this.random = random;
    // Some runs without some kinds of fault: a fault may hide what another would show.
    const rate = (...rates: number[]): number => random.pick([0, ...rates]);
    this.rates = {
      dropRequest: rate(0.02, 0.08),
      dropReply: rate(0.03, 0.12),
      applyLate: rate(0.02, 0.1),
      duplicate: rate(0.05),
      refuse: rate(0, 0.03),
      readFails: rate(0.02, 0.15),
      forwardLost: rate(0.03, 0.1),
      forwardReplyLost: rate(0.05, 0.2),
      forwardLate: rate(0.03, 0.1),
      forwardTwice: rate(0.1),
      latencyMs: random.pick([1, 5, 15]),
      latencyMsMax: random.pick([5, 40, 120]),
    };
  }

  /** Faults for a node's way to the store. */
  storeFaults(): StoreFaults {
    const random = this.random.fork();
    return { commit: () => this.commitFault(random), read: () => this.readFault(random) };
  }

  /** Begins: a stroke every `intervalMs` on average until {@link heal}. */
  start(intervalMs: number): void {
    for (const node of this.cluster.nodes) node.store.faults = this.storeFaults();
    const random = this.random.fork();
    this.cluster.network.faults = () => this.forwardFault(random);
    this.scheduleStroke(intervalMs);
  }

  /** Ends every fault. What is still on its way arrives. */
  heal(): void {
    this.healed = true;
    const { cluster } = this;
    cluster.network.faults = () => ({ kind: 'none', thereMs: 1, backMs: 1 });
    cluster.election.closed = false;
    for (const node of cluster.nodes) {
      node.store.cutOff = false;
      node.store.faults = {
        commit: () => ({ kind: 'none', thereMs: 1, backMs: 1 }),
        read: () => ({ kind: 'none', thereMs: 1, backMs: 1 }),
      };
      node.coordination.frozen = false;
      node.coordination.lookNow();
    }
  }

  private scheduleStroke(intervalMs: number): void {
    this.cluster.time.after(this.random.next() * 2 * intervalMs, () => {
      if (this.healed) return;
      this.stroke();
      this.scheduleStroke(intervalMs);
    });
  }

  private stroke(): void {
    const { cluster, random } = this;
    const index = random.int(0, 2);
    const node = cluster.nodes[index]!;
    const lasting = random.int(50, 1_200);
    const during = (deed: string, begin: () => void, end: () => void): void => {
      this.note(`${deed} for ${lasting} ms`);
      begin();
      cluster.time.after(lasting, () => {
        if (!this.healed) end();
      });
    };
    switch (random.int(0, 8)) {
      case 0:
        this.note(`elect ${node.info.id}`);
        return cluster.elect(index);
      case 1:
        this.note('depose');
        return cluster.depose();
      case 2:
        return during(
          `freeze the view of ${node.info.id}`,
          () => (node.coordination.frozen = true),
          () => (node.coordination.frozen = false),
        );
      case 3: {
        const old = cluster.nodes.find(({ info }) => info.instance === cluster.election.current?.instance);
        if (old === undefined || old === node) return;
        return during(
          `${node.info.id} leads besides ${old.info.id}`,
          () => {
            old.coordination.frozen = true;
            cluster.elect(index);
          },
          () => (old.coordination.frozen = false),
        );
      }
      case 4:
        return during(
          `cut ${node.info.id} off from the store`,
          () => (node.store.cutOff = true),
          () => (node.store.cutOff = false),
        );
      case 5:
        return during(
          'nobody can be elected',
          () => {
            cluster.election.closed = true;
            cluster.depose();
          },
          () => (cluster.election.closed = false),
        );
      case 6: {
        const { faults } = node.store;
        return during(
          `the store is full for ${node.info.id}`,
          () => (node.store.faults = { ...faults, commit: () => ({ kind: 'refuse', thereMs: 1 }) }),
          () => (node.store.faults = faults),
        );
      }
      case 7:
        if (!random.chance(0.5)) return;
        this.note(`drain and replace ${node.info.id}`);
        void cluster.replace(index, lasting).then(() => {
          if (!this.healed) cluster.nodes[index]!.store.faults = this.storeFaults();
        });
        return;
      case 8: {
        if (!random.chance(0.4)) return;
        this.note(`kill and restart ${node.info.id}`);
        void cluster.restart(index);
        const faults = this.storeFaults();
        if (!this.healed) cluster.nodes[index]!.store.faults = faults;
      }
    }
  }

  private commitFault(random: Random): CommitFault {
    const { rates } = this;
    const kind = choose(random, [
      ['drop-request', rates.dropRequest],
      ['drop-reply', rates.dropReply],
      ['apply-late', rates.applyLate],
      ['duplicate', rates.duplicate],
      ['refuse', rates.refuse],
    ] as const);
    return { kind, lateMs: random.next() * COMMIT_LATE_MS_MAX, ...this.latency(random) };
  }

  private readFault(random: Random): ReadFault {
    const kind = random.chance(this.rates.readFails) ? 'unavailable' : 'none';
    return { kind, ...this.latency(random) };
  }

  private forwardFault(random: Random): ForwardFault {
    const { rates } = this;
    const kind = choose(random, [
      ['lost', rates.forwardLost],
      ['reply-lost', rates.forwardReplyLost],
      ['late', rates.forwardLate],
      ['twice', rates.forwardTwice],
    ] as const);
    const lateMs = kind === 'late' ? random.next() * FORWARD_LATE_MS_MAX : 0;
    return { kind, lateMs, ...this.latency(random) };
  }

  private latency(random: Random): { thereMs: number; backMs: number } {
    const { latencyMs, latencyMsMax } = this.rates;
    return { thereMs: random.delay(latencyMs, latencyMsMax), backMs: random.delay(latencyMs, latencyMsMax) };
  }

  private note(deed: string): void {
    this.deeds.push(`${Math.round(this.cluster.time.nowMs)} ms: ${deed}`);
  }
}

function choose<K extends string>(random: Random, options: readonly (readonly [K, number])[]): K | 'none' {
  let dice = random.next();
  for (const [kind, rate] of options) {
    if (dice < rate) return kind;
    dice -= rate;
  }
  return 'none';
}
