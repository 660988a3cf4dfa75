import type { DemoCatalogue, DemoRun } from '../../demo/demo-run.ts';
import { ERROR_CODES, type ErrorCode, SeqdError } from '../../core/errors.ts';

/** A host that is well answers at once; it is on this machine. */
const ANSWER_TIMEOUT_MS = 5_000;

/** What a host may refuse in its own words; anything else means that it does not work. */
const PASSED_ON: ReadonlySet<ErrorCode> = new Set(['invalid_request', 'route_not_found', 'demo_running']);

/**
 * Asks the demonstrations' process (docs/demos.md), once each.
 *
 * Every method throws SeqdError: `demo_unavailable` when there is no usable answer, and what the host refuses with.
 */
export class DemoHostClient {
  private readonly base: string;
  private readonly token: string;

  constructor({ url, token }: { url: string; token: string }) {
    this.base = url.replace(/\/$/, '');
    this.token = token;
  }

  catalogue(): Promise<DemoCatalogue> {
    return this.ask('GET', '/catalogue');
  }

  /** @throws SeqdError `demo_running`, `invalid_request`, `route_not_found` for an unknown name */
  start(name: string, parameters: Readonly<Record<string, number>>): Promise<DemoRun> {
    return this.ask('POST', `/runs/${encodeURIComponent(name)}`, parameters);
  }

  /** @throws SeqdError `route_not_found` when it is not known (any more) */
  run(id: string): Promise<DemoRun> {
    return this.ask('GET', `/runs/${encodeURIComponent(id)}`);
  }

  /** Asks a run to end early and to restore what it broke; one that has ended stays as it is. @throws SeqdError as {@link run} */
  cancel(id: string): Promise<DemoRun> {
    return this.ask('DELETE', `/runs/${encodeURIComponent(id)}`);
  }

  private async ask<T>(method: string, path: string, body?: object): Promise<T> {
    let status: number;
    let answer: unknown;
    try {
      const response = await fetch(`${this.base}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // The token is for this address only.
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      ({ status } = response);
      answer = await response.json();
    } catch (cause) {
      throw new SeqdError(
        'demo_unavailable',
        'The process of the demonstrations does not answer; START-POC starts it again when it has ended',
        { cause },
      );
    }
    if (status < 300 && typeof answer === 'object' && answer !== null) return answer as T;
    throw refusal(status, answer);
  }
}

function refusal(status: number, answer: unknown): SeqdError {
  const { code, detail, details } = (answer ?? {}) as Record<string, unknown>;
  const text = typeof detail === 'string' ? detail : undefined;
  if (typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) && PASSED_ON.has(code as ErrorCode))
    return new SeqdError(
      code as ErrorCode,
      text,
      typeof details === 'object' && details !== null ? { details: details as Record<string, unknown> } : {},
    );
  const why = text ?? `it answered ${status}`;
  return new SeqdError('demo_unavailable', `The demonstrations are not ready: ${why}`);
}
