/** How a reply (or a request) is lost: one stream reset, the whole client connection cut, or silence. */
export type Loss =
  /** RST_STREAM on this call only; `rstCode` defaults to INTERNAL_ERROR (2). */
  | { readonly how?: 'reset'; readonly rstCode?: number }
  /** The client's TCP connection goes, and with it every other call on it. */
  | { readonly how: 'disconnect' }
  /** Nothing is ever sent; the client waits until its own deadline. */
  | { readonly how: 'hang' };

/**
 * What is done to a call. In every kind that forwards (`dropReply`, `delayReply`, `delayRequest`,
 * `duplicateRequest`, `replaceReply`), the upstream call is run to its end whatever the client does meanwhile:
 * neither its cancellation nor its `grpc-timeout` reaches the upstream.
 *
 * Do not lose a reply with `rstCode` 7 (REFUSED_STREAM) unless you mean it: it promises that nothing was done, so
 * grpc-js sends the call again by itself.
 */
export type Fault =
  /** The upstream answers completely (the commit has happened); the client never gets the reply. */
  | ({ readonly kind: 'dropReply' } & Loss)
  /** The request never reaches the upstream. */
  | ({ readonly kind: 'dropRequest' } & Loss)
  /** The upstream answers at once; the reply is held for `delayMs`, or until `rule.release()` when not given. */
  | { readonly kind: 'delayReply'; readonly delayMs?: number }
  /** The request is held for `delayMs`, or until `rule.release()` when not given; then forwarded in any case. */
  | { readonly kind: 'delayRequest'; readonly delayMs?: number }
  /** Forwarded twice, one after the other; the client gets the second reply. */
  | { readonly kind: 'duplicateRequest' }
  /** Never forwarded; the client gets this gRPC status. */
  | { readonly kind: 'reject'; readonly status: number; readonly message: string }
  /** The upstream answers completely, and the client gets this gRPC status in place of the reply. */
  | { readonly kind: 'replaceReply'; readonly status: number; readonly message: string };

/** A unary call as a rule's `when` sees it: complete, not yet forwarded. */
export interface SeenCall {
  /** The full path, such as `/etcdserverpb.KV/Txn`. */
  readonly method: string;
  /** 1 for the first call of this method through this proxy, and so on. */
  readonly callNumber: number;
  /** The request as sent: gRPC frame header and protobuf bytes, so that `body.includes('/some/key')` works. */
  readonly body: Buffer;
}

/** The record of one fault that was carried out. */
export interface InjectedFault {
  readonly method: string;
  readonly callNumber: number;
  readonly kind: Fault['kind'];
  /** The upstream's own answer, or undefined where the request was never forwarded. 0 is OK: it was done. */
  readonly upstreamStatus: number | undefined;
}

/** Method paths of etcd's API. */
export const etcdMethod = Object.freeze({
  range: '/etcdserverpb.KV/Range',
  put: '/etcdserverpb.KV/Put',
  deleteRange: '/etcdserverpb.KV/DeleteRange',
  txn: '/etcdserverpb.KV/Txn',
  compact: '/etcdserverpb.KV/Compact',
  leaseGrant: '/etcdserverpb.Lease/LeaseGrant',
  leaseRevoke: '/etcdserverpb.Lease/LeaseRevoke',
  leaseKeepAlive: '/etcdserverpb.Lease/LeaseKeepAlive',
  leaseTimeToLive: '/etcdserverpb.Lease/LeaseTimeToLive',
  watch: '/etcdserverpb.Watch/Watch',
  status: '/etcdserverpb.Maintenance/Status',
  snapshot: '/etcdserverpb.Maintenance/Snapshot',
});

/** Methods that stream in either direction: rules never touch them. */
export const streamMethods: readonly string[] = Object.freeze([
  etcdMethod.watch,
  etcdMethod.leaseKeepAlive,
  etcdMethod.snapshot,
  '/v3electionpb.Election/Observe',
  '/grpc.health.v1.Health/Watch',
]);
