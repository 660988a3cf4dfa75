/** A request to the host that is not carried out; `status` and `code` as a node passes them on. */
export class DemoRefusal extends Error {
  override readonly name = 'DemoRefusal';
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    { status, code }: { status: number; code: string },
    detail: string,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** The two things that a refusal is made of, by what is wrong. */
export const REFUSALS = {
  invalid: { status: 400, code: 'invalid_request' },
  unauthorized: { status: 401, code: 'admin_required' },
  notFound: { status: 404, code: 'route_not_found' },
  method: { status: 405, code: 'method_not_allowed' },
  running: { status: 409, code: 'demo_running' },
  tooLarge: { status: 413, code: 'body_too_large' },
  notReady: { status: 503, code: 'demo_unavailable' },
} as const;
