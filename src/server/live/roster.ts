import type { NodeInfo } from '../../ports/coordination.ts';
import type { LiveLeader, LiveNode } from './live-protocol.ts';
import type { NodeStatus } from './node-status.ts';

/** A node as we hear of it. */
export interface KnownNode {
  readonly info: NodeInfo;
  /** As it told last; `undefined` before the first time. */
  readonly status: NodeStatus | undefined;
  /** Whether it told that recently enough to be believed. */
  readonly fresh: boolean;
}

/** A node that we have just learned of is given this long to say something. */
const NEW_MS = 2_000;
/** For how long a node that is registered no more is shown. */
const GONE_MS = 60_000;
const GONE_MAX = 50;

/** What a node does of which nothing is heard. */
const NOTHING = {
  projector: false,
  leaseMs: null,
  numbersPerSecond: 0,
  requestsPerSecond: 0,
  errorsPerSecond: 0,
  p99: 0,
  pending: 0,
  eventLoopDelayMs: 0,
} satisfies Partial<NodeStatus>;

/** Who is there, in which state; remembers those that have gone. */
export class Roster {
  private readonly since = new Map<string, number>();
  private readonly last = new Map<string, { node: LiveNode; instance: string; seenMs: number }>();

  /**
   * All nodes by id.
   *
   * @param known the registered ones, ourselves among them
   */
  update(
    known: readonly KnownNode[],
    {
      nowMs,
      self,
      leader,
      sequence,
    }: { nowMs: number; self: string; leader: LiveLeader | null; sequence: number },
  ): LiveNode[] {
    const present = new Map<string, LiveNode>();
    for (const one of known) {
      const { id, instance } = one.info;
      if (!this.since.has(instance)) this.since.set(instance, nowMs);
      const isNew = nowMs - this.since.get(instance)! < NEW_MS;
      const node = describe(one, {
        state: stateOf(one, isNew),
        self: instance === self,
        leader: leader?.node === id,
        sequence,
      });
      present.set(id, node);
      this.last.set(id, { node, instance, seenMs: nowMs });
    }
    this.forget(known, nowMs);
    const gone = [...this.last.values()].flatMap(({ node }) => (present.has(node.id) ? [] : [asGone(node)]));
    return [...present.values(), ...gone].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private forget(known: readonly KnownNode[], nowMs: number): void {
    const instances = new Set(known.map(({ info }) => info.instance));
    for (const instance of this.since.keys()) if (!instances.has(instance)) this.since.delete(instance);
    const oldest = [...this.last].sort(([, a], [, b]) => a.seenMs - b.seenMs);
    let surplus = this.last.size - instances.size - GONE_MAX;
    for (const [id, { instance, seenMs }] of oldest) {
      if (instances.has(instance)) continue;
      if (nowMs - seenMs < GONE_MS && surplus <= 0) continue;
      this.last.delete(id);
      surplus -= 1;
    }
  }
}

function stateOf({ status, fresh }: KnownNode, isNew: boolean): LiveNode['state'] {
  if (status === undefined && isNew) return 'not-ready';
  if (status === undefined || !fresh) return 'silent';
  return status.problems.length === 0 ? 'serving' : 'not-ready';
}

function describe(
  { info, status }: KnownNode,
  {
    state,
    self,
    leader,
    sequence,
  }: { state: LiveNode['state']; self: boolean; leader: boolean; sequence: number },
): LiveNode {
  const { id, site, partition, url, version, startedAt } = info;
  const told = status === undefined || state === 'silent' ? NOTHING : status;
  return {
    id,
    site,
    partition,
    url,
    version,
    startedAt,
    state,
    problems: problemsOf(status, state),
    leader,
    projector: told.projector,
    self,
    leaseMs: told.leaseMs,
    // Of one that has said nothing yet that is not known.
    behindBatches: status === undefined ? 0 : Math.max(0, sequence - (status.numbers?.sequence ?? 0)),
    numbersPerSecond: told.numbersPerSecond,
    requestsPerSecond: told.requestsPerSecond,
    errorsPerSecond: told.errorsPerSecond,
    p99: told.p99,
    pending: told.pending,
    eventLoopDelayMs: told.eventLoopDelayMs,
  };
}

function problemsOf(status: NodeStatus | undefined, state: LiveNode['state']): readonly string[] {
  if (state === 'silent') return ['it is registered, but nothing is heard from it'];
  if (status === undefined) return ['it has just come and has said nothing yet'];
  return status.problems;
}

function asGone(node: LiveNode): LiveNode {
  return {
    ...node,
    state: 'gone',
    problems: [],
    leader: false,
    ...NOTHING,
  };
}
