import type { DisturbTarget, HostMember, HostNode } from '../host/messages.ts';
import type { ClusterWatch, Leader } from '../run/cluster-watch.ts';

/** Something of which one leads: what demonstrations need to know to break that one. */
export interface LeaderKind<T> {
  readonly kind: DisturbTarget['kind'];
  /** `node`, `member`: for people. */
  readonly noun: string;
  /** Follows a name: `leads`, `leads etcd`. */
  readonly leads: string;
  /** `leader`, `etcd leader`. */
  readonly leader: string;
  /** Follows a name: that it serves again. */
  readonly serves: string;
  /** How the others do without a leader. */
  readonly meanwhile: string;
  readonly nameOf: (who: T) => string;
  /** @param except is not asked where that matters: it may be frozen, or believe what is long over */
  readonly look: (watch: ClusterWatch, except?: T) => Promise<Leader<T> | undefined>;
  readonly isUp: (watch: ClusterWatch, who: T) => Promise<boolean>;
}

/** The node through which all numbers go. */
export const NODE: LeaderKind<HostNode> = {
  kind: 'node',
  noun: 'node',
  leads: 'leads',
  leader: 'leader',
  serves: 'takes requests again',
  meanwhile: 'until then every node commits by itself',
  nameOf: ({ id }) => id,
  look: (watch, except) => watch.leader(except),
  isUp: (watch, who) => watch.isReady(who),
};

/** The etcd member that orders all writes. */
export const MEMBER: LeaderKind<HostMember> = {
  kind: 'etcd',
  noun: 'member',
  leads: 'leads etcd',
  leader: 'etcd leader',
  serves: 'serves again',
  meanwhile: 'until then nothing can be confirmed',
  nameOf: ({ name }) => name,
  look: watch => watch.etcdLeader(),
  isUp: (watch, who) => watch.isServing(who),
};
