import { Exchange } from '../../client/exchange.ts';
import { type NextInput, SeqdClientError } from '../../client/index.ts';
import { interpret } from '../../client/interpret.ts';
import type { HostNode } from '../host/messages.ts';

/** Answers take at most a request's budget, 2.5 s. */
const TIMEOUT_MS = 5_000;

/** What a client is told that asks once. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;
  readonly detail: string;
  readonly ms: number;
  /** When it was asked, on the monotonic clock, milliseconds. */
  readonly askedAtMs: number;
  /** With which the number can be asked for later. */
  readonly key: string;
}

/** Asks nodes once each, without repeating anything. */
export class OutageProbe {
  /** In the order in which they came. */
  readonly refusals: Refusal[] = [];
  /** Requests that got a number. */
  numbers = 0;
  private readonly exchange = new Exchange(4);
  private asked = 0;

  private readonly input: NextInput;
  private readonly keyPrefix: string;

  constructor(input: NextInput, keyPrefix: string) {
    this.input = input;
    this.keyPrefix = keyPrefix;
  }

  /** @returns what the node refused with, or `undefined` when it gave a number */
  async ask({ url }: HostNode): Promise<Refusal | undefined> {
    this.asked += 1;
    const key = `${this.keyPrefix}-${this.asked}`;
    const startedAtMs = performance.now();
    try {
      const answer = await this.exchange.send({
        method: 'POST',
        url,
        path: '/api/v1/sequence/next',
        body: JSON.stringify(this.input),
        key,
        timeoutMs: TIMEOUT_MS,
      });
      interpret(answer, url);
      this.numbers += 1;
      return undefined;
    } catch (error) {
      if (!(error instanceof SeqdClientError)) throw error;
      const { status = 0, code, retryAfterSeconds, message } = error;
      const ms = performance.now() - startedAtMs;
      const refusal = { status, code, retryAfterSeconds, detail: message, ms, askedAtMs: startedAtMs, key };
      this.refusals.push(refusal);
      return refusal;
    }
  }

  close(): void {
    this.exchange.close();
  }
}

/** `503 unavailable, Retry-After 1 s: 40 times, half within 1.2 ms, the longest 2.5 s`, by code. */
export function describeRefusals(refusals: readonly Refusal[], duration: (ms: number) => string): string[] {
  const groups = new Map<string, Refusal[]>();
  for (const refusal of refusals) {
    const name = nameOf(refusal);
    groups.set(name, [...(groups.get(name) ?? []), refusal]);
  }
  return Array.from(groups, ([name, group]) => {
    const sorted = group.map(({ ms }) => ms).sort((a, b) => a - b);
    const longest = duration(sorted.at(-1)!);
    return group.length === 1
      ? `${name}: once, after ${longest}`
      : `${name}: ${group.length} times, half within ${duration(median(sorted))}, the longest ${longest}`;
  });
}

/** `503 unavailable, Retry-After 1 s`. */
export function nameOf({ status, code, retryAfterSeconds }: Refusal): string {
  const after = retryAfterSeconds === undefined ? '' : `, Retry-After ${retryAfterSeconds} s`;
  return `${status === 0 ? 'no answer' : status} ${code}${after}`;
}

/** Whether a client can tell from it that there is no number now, and when to ask again; no answer at all says neither. */
export function isClear({ status, retryAfterSeconds }: Refusal): boolean {
  return (status === 503 || status === 429) && retryAfterSeconds !== undefined;
}

/** @param sorted ascending, at least one */
export function median(sorted: readonly number[]): number {
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}
