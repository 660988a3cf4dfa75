// What the demonstrations' process and the supervisor that started it tell each other over their IPC channel.

/** A node of the cluster, as the supervisor started it. */
export interface HostNode {
  readonly id: string;
  readonly site: string;
  readonly partition: string;
  readonly url: string;
}

/** An etcd member that the supervisor started. */
export interface HostMember {
  readonly name: string;
  readonly clientUrl: string;
}

/** What demonstrations run against; sent by the supervisor once all of it serves. */
export interface HostCluster {
  readonly nodes: readonly HostNode[];
  /** Empty when etcd was there before. */
  readonly members: readonly HostMember[];
  readonly endpoints: readonly string[];
  /** Name of the seqd cluster: its keys in etcd begin with it. */
  readonly cluster: string;
  /** Whether processes can be paused here. */
  readonly canPause: boolean;
}

/** `kill`: like a crash, and started again by itself. `stop`: stays down until `start`. */
export type DisturbAction = 'kill' | 'pause' | 'resume' | 'stop' | 'start';

/** A child of the supervisor. */
export interface DisturbTarget {
  readonly kind: 'node' | 'etcd';
  /** Node id or member name. */
  readonly name: string;
}

/** From us. */
export interface DisturbMessage {
  readonly type: 'disturb';
  readonly id: number;
  readonly action: DisturbAction;
  readonly target: DisturbTarget;
}

/** From the supervisor. */
export type SupervisorMessage =
  | ({ readonly type: 'cluster' } & HostCluster)
  | { readonly type: 'disturbed'; readonly id: number; readonly ok: true }
  | { readonly type: 'disturbed'; readonly id: number; readonly ok: false; readonly why: string };
