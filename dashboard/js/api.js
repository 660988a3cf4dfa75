// The REST interface of the node that served the page, by the retry rule (docs/retry-rule.md). No DOM in here.
//
//   api.get(path, options?) → Answer            api.post(path, body, options?) → Answer       api.delete(path, options?) → Answer
//   api.stream(path, init, onLine) → Answer     onLine(object) for each line of application/x-ndjson as it comes
//   Answer: {ok: true, status, body, headers, ms, attempts, replayed, idempotencyKey?} or the same with {ok: false, problem};
//   nothing is ever thrown. Where no node answered, the problem is of our own making: code `no_answer`, status 0.
//   options: idempotencyKey (post: made up when left out; `null` sends none, and then nothing is repeated),
//            headers, signal, timeoutMs (5,000, of one attempt), retryMs (10,000, of all; 0 = one attempt)

/**
 * @typedef {object} Problem as in docs/errors.md
 * @property {string} title
 * @property {string} detail
 * @property {string} code
 * @property {string} [retry] `never`, `later` or `same-key`
 * @property {number} [status]
 */

/**
 * @typedef {object} Answer
 * @property {boolean} ok
 * @property {number} status 0 when there was none
 * @property {any} body
 * @property {Problem & Record<string, unknown> | undefined} problem
 * @property {Headers | undefined} headers
 * @property {number} ms of all attempts
 * @property {number} attempts
 * @property {boolean} replayed whether it is the answer to an earlier attempt
 * @property {string | undefined} idempotencyKey
 */

/**
 * @typedef {object} ApiOptions
 * @property {string | null} [idempotencyKey]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {number} [timeoutMs]
 * @property {number} [retryMs]
 */

const TIMEOUT_MS = 5_000;
const RETRY_MS = 10_000;
const WAIT_FIRST_MS = 20;
const WAIT_MAX_MS = 500;
const RETRY_AFTER_MAX_MS = 1_000;

/** crypto.randomUUID exists on secure origins only, and a LAN address is none. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `page-${Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * @param {object} [options]
 * @param {string} [options.base] put before each path; the page's own origin when empty
 * @param {typeof globalThis.fetch} [options.fetch]
 * @param {(ms: number) => Promise<void>} [options.sleep]
 * @param {() => number} [options.random]
 */
export function createApi({
  base = '',
  fetch: ask = (...request) => globalThis.fetch(...request),
  sleep = ms => new Promise(resolve => void setTimeout(resolve, ms)),
  random = Math.random,
} = {}) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   * @param {ApiOptions} options
   * @returns {Promise<Answer>}
   */
  async function request(method, path, body, options) {
    const { timeoutMs = TIMEOUT_MS, signal } = options;
    const key = method === 'POST' ? (options.idempotencyKey ?? newKey()) : undefined;
    const mayRepeat = options.idempotencyKey !== null;
    const idempotencyKey = mayRepeat ? key : undefined;
    const begin = performance.now();
    const deadline = begin + (mayRepeat ? (options.retryMs ?? RETRY_MS) : 0);
    /** @type {RequestInit} */
    const init = {
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    for (let attempts = 1; ; attempts += 1) {
      const limit = AbortSignal.timeout(timeoutMs);
      const outcome = await attempt(
        base + path,
        { ...init, signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) },
        readBody,
      );
      const answer = { ...outcome, ms: performance.now() - begin, attempts, idempotencyKey };
      if (!mayRetry(answer) || signal?.aborted === true) return answer;
      const wait = waitBefore(attempts, answer.headers);
      if (performance.now() + wait > deadline) return answer;
      await sleep(wait);
    }
  }

  /**
   * @param {number} attempts so far
   * @param {Headers | undefined} headers
   */
  function waitBefore(attempts, headers) {
    const wait = random() * Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** attempts);
    const retryAfterMs = Number(headers?.get('retry-after') ?? 0) * 1_000;
    return Math.max(wait, Math.min(RETRY_AFTER_MAX_MS, Number.isFinite(retryAfterMs) ? retryAfterMs : 0));
  }

  /**
   * @param {string} url
   * @param {RequestInit} init
   * @param {(response: Response) => Promise<unknown>} read a good answer
   */
  async function attempt(url, init, read) {
    try {
      const response = await ask(url, init);
      const { ok, status, headers } = response;
      const replayed = headers.get('idempotent-replayed') === 'true';
      const body = ok ? await read(response) : await readBody(response);
      return {
        ok,
        status,
        body: ok ? body : undefined,
        problem: ok ? undefined : asProblem(body, status),
        headers,
        replayed,
      };
    } catch (error) {
      return {
        ok: false,
        status: 0,
        body: undefined,
        problem: noAnswer(error),
        headers: undefined,
        replayed: false,
      };
    }
  }

  return {
    /** @param {string} path @param {ApiOptions} [options] */
    get: (path, options = {}) => request('GET', path, undefined, options),
    /** @param {string} path @param {unknown} [body] @param {ApiOptions} [options] */
    post: (path, body, options = {}) => request('POST', path, body, options),
    /** @param {string} path @param {ApiOptions} [options] */
    delete: (path, options = {}) => request('DELETE', path, undefined, options),

    /**
     * One attempt, without a time limit: what it has told already cannot be told again.
     *
     * @param {string} path
     * @param {RequestInit} init
     * @param {(line: any) => void} onLine
     * @returns {Promise<Answer>}
     */
    async stream(path, init, onLine) {
      const begin = performance.now();
      const headers = new Headers(init.headers);
      headers.set('accept', 'application/x-ndjson');
      const outcome = await attempt(base + path, { ...init, headers }, response =>
        readLines(response, onLine),
      );
      return { ...outcome, ms: performance.now() - begin, attempts: 1, idempotencyKey: undefined };
    },
  };
}

/** @param {Response} response */
async function readBody(response) {
  const text = await response.text();
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * @param {Response} response
 * @param {(line: unknown) => void} onLine
 */
async function readLines(response, onLine) {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    rest += decoder.decode(value, { stream: !done });
    const lines = rest.split('\n');
    rest = done ? '' : (lines.pop() ?? '');
    for (const line of lines) if (line.trim() !== '') onLine(JSON.parse(line));
    if (done) return;
  }
}

/**
 * @param {unknown} body
 * @param {number} status
 */
function asProblem(body, status) {
  const isOurs = typeof body === 'object' && body !== null && 'code' in body && 'title' in body;
  if (isOurs) return /** @type {Problem & Record<string, unknown>} */ (body);
  // Something in between answered.
  const retry = [408, 429].includes(status) || status >= 500 ? 'same-key' : 'never';
  return { code: `http_${status}`, title: `Answered with status ${status}`, detail: '', status, retry };
}

/** @param {unknown} error */
function noAnswer(error) {
  const name = error instanceof Error ? error.name : '';
  const detail =
    name === 'TimeoutError'
      ? 'The node did not answer in time.'
      : name === 'AbortError'
        ? 'Cancelled.'
        : 'The node that served this page cannot be reached.';
  return { code: 'no_answer', title: 'No answer', detail, status: 0, retry: 'same-key' };
}

/** @param {{ problem: Problem | undefined }} answer */
function mayRetry({ problem }) {
  return problem !== undefined && problem.retry !== undefined && problem.retry !== 'never';
}
