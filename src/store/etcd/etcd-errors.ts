import {
  ClientClosedError,
  EtcdInvalidAuthTokenError,
  EtcdPermissionDeniedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCUnavailableError,
} from 'etcd3';
import { type ErrorCode, SeqdError } from '../../core/errors.ts';

/** What an error of one etcd call means for the call, decided here and nowhere else. */
export type EtcdFailure =
  /** The store rejected the call and did nothing; with `final`, it would do so for every repetition, for ever. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly final: boolean }
  /** The store says that it did nothing, and may yet have carried the call out: a look at the store tells. */
  | { readonly kind: 'doubtful'; readonly code: ErrorCode }
  /** The call may have taken effect, or may yet: the reply was lost or the cluster has no leader just now. */
  | { readonly kind: 'unknown' };

// Answers of the server that are given before a proposal is made. Everything that can also come after one
// ("request timed out", "leader changed") must stay unknown.
const REFUSALS: readonly (readonly [string, ErrorCode])[] = [
  ['etcdserver: too many requests', 'unavailable'],
  ['etcdserver: permission denied', 'unavailable'],
  ['etcdserver: invalid auth token', 'unavailable'],
  ['etcdserver: user name is empty', 'unavailable'],
  ['etcdserver: request is too large', 'internal'],
  ['etcdserver: too many operations in txn request', 'internal'],
  ['etcdserver: duplicate key given in txn request', 'internal'],
];

/**
 * Said when a write that passed its compares is carried out, and then nothing of it is. A lease that is gone never
 * comes back, so the same transaction cannot succeed later.
 */
const LEASE_GONE = 'etcdserver: requested lease not found';

/**
 * Said before a proposal is made, and also once a write has been carried out that took the database past its quota
 * (seen with 3.4.23 whenever several writes are under way at that moment).
 */
const SPACE_EXCEEDED = 'mvcc: database space exceeded';

/** Sorts an error of a call. */
export function classifyEtcdFailure(error: unknown): EtcdFailure {
  const message = messageOf(error);
  for (const [text, code] of REFUSALS) {
    if (message.includes(text)) return { kind: 'refused', code, final: false };
  }
  if (message.includes(SPACE_EXCEEDED)) return { kind: 'doubtful', code: 'storage_full' };
  if (message.includes(LEASE_GONE)) return { kind: 'refused', code: 'unavailable', final: true };
  if (error instanceof EtcdPermissionDeniedError || error instanceof EtcdInvalidAuthTokenError) {
    return { kind: 'refused', code: 'unavailable', final: false };
  }
  return { kind: 'unknown' };
}

/**
 * Whether another member may do better: the transport failed, nothing came back in time, or this member has
 * no leader (it may be on the minority side of a partition).
 */
export function shouldChangeMember(error: unknown): boolean {
  return (
    error instanceof GRPCUnavailableError ||
    error instanceof GRPCDeadlineExceededError ||
    error instanceof GRPCCancelledError ||
    error instanceof ClientClosedError ||
    /etcdserver: (request timed out|no leader|server stopped|not healthy)/.test(messageOf(error))
  );
}

/** Whether a read failed because the client takes no answer of that size. Accepts our own error around it, too. */
export function isAnswerTooLarge(error: unknown): boolean {
  const cause = error instanceof SeqdError ? error.cause : error;
  return /received message larger than max/i.test(messageOf(cause));
}

/** A failed call as our own error, where it makes no difference whether it took effect. */
export function readFailure(error: unknown): SeqdError {
  if (error instanceof SeqdError) return error;
  const failure = classifyEtcdFailure(error);
  const code = failure.kind === 'unknown' ? 'unavailable' : failure.code;
  return new SeqdError(code, undefined, { cause: error });
}

/** What a person should read about a failed call: the client's own texts speak of name resolution and load balancers. */
export function describeEtcdError(error: unknown): string {
  if (error instanceof GRPCDeadlineExceededError) return 'no answer in time';
  if (error instanceof GRPCUnavailableError) return 'not reachable';
  return messageOf(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
