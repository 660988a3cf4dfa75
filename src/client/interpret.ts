import type { ErrorCode } from '../core/errors.ts';
import type { Problem } from '../server/problem.ts';
import { type Retry, SeqdClientError } from './client-error.ts';
import type { ExchangeAnswer } from './exchange.ts';

/**
 * The body of an answer.
 *
 * @param accept statuses whose body is an answer
 * @throws SeqdClientError with the server's problem, or `bad_response`
 */
export function interpret(answer: ExchangeAnswer, url: string, accept: readonly number[] = [200]): object {
  const { status } = answer;
  const body = parseObject(answer.text);
  if (body !== undefined && isProblem(body)) throw problemError(body, answer, url);
  if (body !== undefined && accept.includes(status)) return body;
  throw new SeqdClientError(`${url} answered ${status} with something that is not seqd's`, {
    code: 'bad_response',
    // A gateway in between says nothing about what happened behind it, and a spoilt answer neither.
    retry:
      status >= 500 || status === 408 || status === 429 || accept.includes(status) ? 'same-key' : 'never',
    url,
    status,
    ...retryAfter(answer),
  });
}

function problemError(problem: Problem, answer: ExchangeAnswer, url: string): SeqdClientError {
  return new SeqdClientError(problem.detail, {
    code: problem.code as ErrorCode,
    retry: problem.retry,
    url,
    status: answer.status,
    problem,
    ...retryAfter(answer),
  });
}

const RETRIES: ReadonlySet<Retry> = new Set(['never', 'later', 'same-key']);

function isProblem(body: object): body is Problem {
  const { code, detail, retry } = body as Record<string, unknown>;
  return typeof code === 'string' && typeof detail === 'string' && RETRIES.has(retry as Retry);
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds only; seqd sends no dates. */
function retryAfter({ headers }: ExchangeAnswer): { retryAfterSeconds?: number } {
  const text = headers['retry-after'];
  return text !== undefined && /^\d{1,9}$/.test(text) ? { retryAfterSeconds: Number(text) } : {};
}
