import { describe, expect, it } from 'vitest';
import { type ClientErrorCode, type Retry, SeqdClientError } from '../../../src/client/client-error.ts';
import { NodeRing } from '../../../src/client/node-ring.ts';
import { type RetryClock, type RetryEvent, retryLoop } from '../../../src/client/retry-loop.ts';

/** What a node does with an attempt. */
type Outcome = { code: ClientErrorCode; retry: Retry; retryAfterSeconds?: number } | 'answers' | 'silent';

const LOST: Outcome = { code: 'unreachable', retry: 'same-key' };
const REFUSED_CONNECTION: Outcome = { code: 'unreachable', retry: 'later' };
const DECLINED: Outcome = { code: 'unknown_site', retry: 'never' };
const UNAVAILABLE: Outcome = { code: 'unavailable', retry: 'later', retryAfterSeconds: 1 };
const STOPPED: Outcome = { code: 'invariant_violated', retry: 'later' };

/** Time of its own, so that no machine is too slow: attempts take a millisecond, silent ones all they may. */
class World implements RetryClock {
  readonly asked: string[] = [];
  readonly waits: number[] = [];
  private atMs = 0;

  now(): number {
    return this.atMs;
  }

  sleep(ms: number): Promise<void> {
    this.atMs += ms;
    return Promise.resolve();
  }

  /** @param nodes what each does with its attempts in turn, and with all after them what it did last */
  async run(
    nodes: Record<string, readonly Outcome[]>,
    options: { budgetMs?: number; attemptTimeoutMs?: number; random?: number } = {},
  ): Promise<{ attempts: number; url: string }> {
    const { budgetMs = 30_000, attemptTimeoutMs = 5_000, random = 0 } = options;
    const attempt = async (url: string, timeoutMs: number): Promise<void> => {
      const outcomes = nodes[url]!;
      const index = this.asked.filter(asked => asked === url).length;
      this.asked.push(url);
      const outcome = outcomes[Math.min(index, outcomes.length - 1)]!;
      this.atMs += outcome === 'silent' ? timeoutMs : 1;
      if (outcome === 'silent') throw failure(url, { code: 'timeout', retry: 'same-key' });
      if (outcome !== 'answers') throw failure(url, outcome);
    };
    return retryLoop(attempt, {
      ring: new NodeRing(Object.keys(nodes), { now: () => this.now() }),
      budgetMs,
      attemptTimeoutMs,
      random: () => random,
      onRetry: ({ waitMs }: RetryEvent) => this.waits.push(Math.round(waitMs)),
      signal: new AbortController().signal,
      clock: this,
    });
  }

  /** Of a run that fails. */
  async failureOf(...args: Parameters<World['run']>): Promise<SeqdClientError> {
    const error: unknown = await this.run(...args).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SeqdClientError);
    return error as SeqdClientError;
  }

  /** How often a node was asked. */
  count(url: string): number {
    return this.asked.filter(asked => asked === url).length;
  }
}

function failure(url: string, facts: Exclude<Outcome, string>): SeqdClientError {
  return new SeqdClientError(`${url}: ${facts.code}`, { url, ...facts });
}

describe('the wait before a repetition', () => {
  it('doubles from 20 ms to 500 ms at most, without Retry-After', async () => {
    const world = new World();
    await world.failureOf({ a: [REFUSED_CONNECTION] }, { random: 0.999_999 });
    expect(world.waits.slice(0, 7)).toEqual([20, 40, 80, 160, 320, 500, 500]);
  });

  it('is what Retry-After says where there is nowhere else to go, and a second at most', async () => {
    const world = new World();
    const full: Outcome = { code: 'storage_full', retry: 'later', retryAfterSeconds: 60 };
    expect(await world.run({ a: [full, UNAVAILABLE, 'answers'] })).toMatchObject({ attempts: 3 });
    expect(world.waits).toEqual([1_000, 1_000]);
  });

  it('is not what Retry-After says where another node may serve', async () => {
    const world = new World();
    expect(await world.run({ a: [UNAVAILABLE], b: ['answers'] })).toMatchObject({ attempts: 2, url: 'b' });
    expect(world.waits).toEqual([0]);
  });
});

describe('the budget', () => {
  it('ends it, with what the server said last', async () => {
    const error = await new World().failureOf({ a: [UNAVAILABLE] }, { budgetMs: 1_500 });
    expect(error).toMatchObject({ code: 'unavailable', retry: 'later', attempts: 2 });
  });

  it('cuts the last attempt short, which does not hide what the server said before', async () => {
    const error = await new World().failureOf({ a: [UNAVAILABLE, 'silent'] }, { budgetMs: 1_200 });
    expect(error).toMatchObject({ code: 'unavailable', retry: 'same-key', attempts: 2 });
  });

  it('does not cut short an attempt that has its full time', async () => {
    const world = new World();
    // A millisecond, a second, and the attempt.
    const options = { budgetMs: 1_151, attemptTimeoutMs: 150 };
    const error = await world.failureOf({ a: [UNAVAILABLE, 'silent'] }, options);
    expect(error).toMatchObject({ code: 'timeout', retry: 'same-key', attempts: 2 });
  });

  it('is spent on an outcome that is not known, whatever comes after', async () => {
    const error = await new World().failureOf({ a: [LOST, UNAVAILABLE] }, { budgetMs: 300 });
    expect(error).toMatchObject({ code: 'unavailable', retry: 'same-key', attempts: 2 });
  });

  it('is spent on connections that were refused, which changed nothing', async () => {
    const error = await new World().failureOf({ a: [REFUSED_CONNECTION] }, { budgetMs: 50 });
    expect(error).toMatchObject({ code: 'unreachable', retry: 'later' });
    expect(error.attempts).toBeGreaterThan(2);
  });

  it('is spent on a node that has stopped, when it is alone', async () => {
    const error = await new World().failureOf({ a: [STOPPED] }, { budgetMs: 500, random: 0.5 });
    // The waits: 10, 20, 40, 80, 160 ms; the next would be 250.
    expect(error).toMatchObject({ code: 'invariant_violated', retry: 'later', attempts: 6 });
  });
});

describe('a refusal for good after an attempt of unknown outcome', () => {
  it('speaks for one node: it is asked no more, the other is until the budget ends', async () => {
    const world = new World();
    const error = await world.failureOf({ a: [LOST], b: [DECLINED] }, { budgetMs: 200 });
    expect(error).toMatchObject({ code: 'unreachable', retry: 'same-key' });
    expect(world.count('b')).toBe(1);
    expect(world.count('a')).toBeGreaterThan(2);
  });

  it('of every node is thrown, as of unknown outcome', async () => {
    const world = new World();
    const error = await world.failureOf({ a: [LOST, DECLINED], b: [DECLINED] });
    expect(error).toMatchObject({ code: 'unknown_site', retry: 'same-key', attempts: 3 });
    expect(world.asked).toEqual(['a', 'b', 'a']);
  });

  it('of a node that is asked first is thrown at once', async () => {
    const world = new World();
    const error = await world.failureOf({ a: [DECLINED], b: ['answers'] });
    expect(error).toMatchObject({ code: 'unknown_site', retry: 'never', attempts: 1 });
    expect(world.asked).toEqual(['a']);
  });
});
