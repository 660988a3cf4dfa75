/**
 * The one table of error codes. Callers branch on `code`, never on text; how a code looks on each wire
 * is decided in `server/wire-errors.ts`, which must name every code listed here.
 *
 * `retry` says what a client may do:
 * - `never`: the same request will fail again; change it.
 * - `later`: nothing was changed; the same request may be sent again, to another node at once, to this one after
 *   `Retry-After`.
 * - `same-key`: the outcome is not known; send it again with the same idempotency key.
 */
export const ERROR_CODES = {
  invalid_request: { retry: 'never', title: 'The request is not valid' },
  malformed_body: { retry: 'never', title: 'The body is not valid JSON' },
  body_too_large: { retry: 'never', title: 'The body is too large' },
  unsupported_media_type: { retry: 'never', title: 'The body must be application/json' },
  route_not_found: { retry: 'never', title: 'There is no such resource' },
  method_not_allowed: { retry: 'never', title: 'The method is not allowed here' },
  unknown_site: { retry: 'never', title: 'The site is not known' },
  unknown_partition: { retry: 'never', title: 'The partition is not known' },
  unknown_type: { retry: 'never', title: 'The document type is not known' },
  invalid_count: { retry: 'never', title: 'The count is not a positive whole number' },
  count_too_large: { retry: 'never', title: 'The count is over the limit' },
  simulated_disabled: { retry: 'never', title: 'Previews are switched off' },
  idempotency_key_reused: { retry: 'never', title: 'The idempotency key was used with another payload' },
  never_issued: { retry: 'never', title: 'The number was never issued' },
  not_owner: { retry: 'never', title: 'The number was issued to another owner' },
  already_released: { retry: 'never', title: 'The number is already released' },
  already_void: { retry: 'never', title: 'The number is void' },
  number_reserved: { retry: 'never', title: 'The number is held by a reservation' },
  allocation_id_required: { retry: 'never', title: 'The number was reissued; its allocationId is required' },
  stale_allocation: { retry: 'never', title: 'The number no longer belongs to that allocation' },
  reservation_not_found: { retry: 'never', title: 'There is no such reservation' },
  counter_lowered: { retry: 'never', title: 'A counter can only be raised' },
  import_conflict: { retry: 'never', title: 'The numbers are not those of the import that is under way' },
  admin_required: { retry: 'never', title: 'This needs administrator rights' },
  exhausted: { retry: 'never', title: 'The series has no numbers left' },
  too_many_raises: { retry: 'never', title: 'The series has been raised too often' },
  demo_running: { retry: 'later', title: 'Another demonstration is running' },
  demo_unavailable: { retry: 'later', title: 'The demonstrations cannot be reached' },
  overloaded: { retry: 'later', title: 'Too many requests are waiting' },
  unavailable: { retry: 'later', title: 'No etcd quorum can be reached' },
  draining: { retry: 'later', title: 'The node is shutting down' },
  storage_full: { retry: 'later', title: 'etcd is out of space' },
  ledger_unavailable: { retry: 'later', title: 'The ledger cannot be reached' },
  journal_full: { retry: 'later', title: 'The journal waits for the ledger and is full' },
  behind_ledger: { retry: 'later', title: 'A restore has set etcd or the ledger back; see seqd recover' },
  outcome_unknown: { retry: 'same-key', title: 'It is not known whether the request took effect' },
  // These two say what is wrong with a node, not with the request: another node may serve it.
  unsupported_format: {
    retry: 'later',
    title: 'The stored data is of a newer format than this version reads',
  },
  invariant_violated: { retry: 'later', title: 'An invariant of the series is broken; serving has stopped' },
  internal: { retry: 'same-key', title: 'Internal error' },
} as const satisfies Record<string, { retry: 'never' | 'later' | 'same-key'; title: string }>;

/** A code of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts about an error that a client can use: what was wrong, what is allowed. JSON-safe. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The only error class seqd throws across a module boundary.
 *
 * `detail` is one sentence for a person; `details` holds the same facts for a program.
 */
export class SeqdError extends Error {
  override readonly name = 'SeqdError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, detail?: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(
      detail ?? ERROR_CODES[code].title,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.details = options.details ?? {};
  }
}

/**
 * Stops the caller when one of our own invariants does not hold. Never for bad input.
 *
 * @throws SeqdError `invariant_violated`
 */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new SeqdError('invariant_violated', `Invariant violated: ${what}`);
}
