import type { ErrorCode, SeqdError } from '../core/errors.ts';

/** How an error code looks on each wire. */
export interface WireError {
  readonly http: number;
  /** gRPC status code, by its number in the gRPC specification. */
  readonly grpc: number;
  /** Seconds for `Retry-After`, where a retry makes sense. */
  readonly retryAfterSeconds?: number;
}

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const ABORTED = 10;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;

/** An estimate that says more is none. */
const RETRY_AFTER_SECONDS_MAX = 60;

/** The one place where codes meet HTTP and gRPC. */
export const WIRE_ERRORS: Readonly<Record<ErrorCode, WireError>> = {
  invalid_request: { http: 400, grpc: INVALID_ARGUMENT },
  malformed_body: { http: 400, grpc: INVALID_ARGUMENT },
  body_too_large: { http: 413, grpc: INVALID_ARGUMENT },
  unsupported_media_type: { http: 415, grpc: INVALID_ARGUMENT },
  route_not_found: { http: 404, grpc: UNIMPLEMENTED },
  method_not_allowed: { http: 405, grpc: UNIMPLEMENTED },
  unknown_site: { http: 422, grpc: INVALID_ARGUMENT },
  unknown_partition: { http: 422, grpc: INVALID_ARGUMENT },
  unknown_type: { http: 422, grpc: INVALID_ARGUMENT },
  invalid_count: { http: 400, grpc: INVALID_ARGUMENT },
  count_too_large: { http: 422, grpc: INVALID_ARGUMENT },
  simulated_disabled: { http: 403, grpc: FAILED_PRECONDITION },
  idempotency_key_reused: { http: 422, grpc: INVALID_ARGUMENT },
  never_issued: { http: 404, grpc: NOT_FOUND },
  not_owner: { http: 403, grpc: PERMISSION_DENIED },
  already_released: { http: 409, grpc: FAILED_PRECONDITION },
  already_void: { http: 409, grpc: FAILED_PRECONDITION },
  number_reserved: { http: 409, grpc: FAILED_PRECONDITION },
  allocation_id_required: { http: 409, grpc: FAILED_PRECONDITION },
  stale_allocation: { http: 409, grpc: ABORTED },
  reservation_not_found: { http: 404, grpc: NOT_FOUND },
  counter_lowered: { http: 409, grpc: FAILED_PRECONDITION },
  import_conflict: { http: 409, grpc: FAILED_PRECONDITION },
  admin_required: { http: 403, grpc: PERMISSION_DENIED },
  exhausted: { http: 409, grpc: RESOURCE_EXHAUSTED },
  too_many_raises: { http: 409, grpc: FAILED_PRECONDITION },
  demo_running: { http: 409, grpc: FAILED_PRECONDITION, retryAfterSeconds: 5 },
  demo_unavailable: { http: 503, grpc: UNAVAILABLE, retryAfterSeconds: 1 },
  overloaded: { http: 429, grpc: RESOURCE_EXHAUSTED, retryAfterSeconds: 1 },
  unavailable: { http: 503, grpc: UNAVAILABLE, retryAfterSeconds: 1 },
  draining: { http: 503, grpc: UNAVAILABLE, retryAfterSeconds: 1 },
  storage_full: { http: 507, grpc: RESOURCE_EXHAUSTED, retryAfterSeconds: 60 },
  ledger_unavailable: { http: 503, grpc: UNAVAILABLE, retryAfterSeconds: 5 },
  journal_full: { http: 503, grpc: RESOURCE_EXHAUSTED, retryAfterSeconds: 5 },
  behind_ledger: { http: 503, grpc: FAILED_PRECONDITION, retryAfterSeconds: 60 },
  outcome_unknown: { http: 503, grpc: UNAVAILABLE, retryAfterSeconds: 1 },
  unsupported_format: { http: 500, grpc: FAILED_PRECONDITION },
  invariant_violated: { http: 500, grpc: INTERNAL },
  internal: { http: 500, grpc: INTERNAL },
};

/**
 * Seconds for `Retry-After`: those that the error itself knows, else those of its code; `undefined` when a retry makes no
 * sense. What it knows may come from another node.
 */
export function retryAfterSecondsOf({ code, details }: SeqdError): number | undefined {
  const { retryAfterSeconds } = WIRE_ERRORS[code];
  const known = details['retryAfterSeconds'];
  if (retryAfterSeconds === undefined || !Number.isInteger(known)) return retryAfterSeconds;
  return Math.min(Math.max(known as number, 1), RETRY_AFTER_SECONDS_MAX);
}
