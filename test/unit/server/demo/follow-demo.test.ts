import { expect, test } from 'vitest';
import { SeqdError } from '../../../../src/core/errors.ts';
import type { DemoRun } from '../../../../src/demo/demo-run.ts';
import { followDemo, isAboutToBreak } from '../../../../src/server/http/follow-demo.ts';
import { runOf, stepOf } from './fake-host.ts';

const TIMES = { repeatMs: 20, lostAfterMs: 60 };

/** A feed that says what the test says. */
function feedOf(first: DemoRun | null) {
  let run = first;
  const listeners = new Set<() => void>();
  return {
    available: true,
    run: () => run,
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    push: (next: DemoRun | null) => {
      run = next;
      for (const listener of listeners) listener();
    },
    listeners,
  };
}

const never = new AbortController().signal;
const noHost = { run: () => Promise.reject(new SeqdError('demo_unavailable')) };

test('gives every change, and ends with the end', async () => {
  const first = runOf({ id: 'a' });
  const feed = feedOf(first);
  const states: string[] = [];
  setTimeout(() => feed.push(runOf({ id: 'a', state: 'passed' })), 5);
  for await (const run of followDemo(first, { host: noHost, feed }, never, TIMES)) states.push(run.state);
  expect(states).toEqual(['running', 'passed']);
  expect(feed.listeners.size).toBe(0);
});

test('is heard from at least every so often, also when nothing changes', async () => {
  const first = runOf({ id: 'a' });
  const feed = feedOf(first);
  let times = 0;
  for await (const _ of followDemo(first, { host: noHost, feed }, never, TIMES))
    if ((times += 1) === 4) break;
  expect(times).toBe(4);
  expect(feed.listeners.size).toBe(0);
});

test('asks for a last state that was not pushed, because another run began', async () => {
  const first = runOf({ id: 'a' });
  const feed = feedOf(first);
  const host = { run: (id: string) => Promise.resolve(runOf({ id, state: 'failed' })) };
  const states: string[] = [];
  setTimeout(() => feed.push(runOf({ id: 'b' })), 5);
  for await (const run of followDemo(first, { host, feed }, never, TIMES))
    states.push(`${run.id} ${run.state}`);
  expect(states).toEqual(['a running', 'a failed']);
});

test('is lost when its process says nothing for long, or has forgotten it', async () => {
  const forgetful = { run: () => Promise.reject(new SeqdError('route_not_found')) };
  for (const host of [noHost, forgetful]) {
    const all = async (): Promise<void> => {
      for await (const _ of followDemo(runOf(), { host, feed: feedOf(null) }, never, TIMES));
    };
    await expect(all()).rejects.toMatchObject({ code: 'demo_unavailable' });
  }
});

test('ends without an error when nobody waits any more', async () => {
  const gone = new AbortController();
  const first = runOf();
  const feed = feedOf(first);
  setTimeout(() => gone.abort(), 5);
  let last: DemoRun | undefined;
  for await (last of followDemo(first, { host: noHost, feed }, gone.signal, { ...TIMES, repeatMs: 60_000 }));
  expect(last?.state).toBe('running');
  expect(feed.listeners.size).toBe(0);
});

test('a node is about to be broken by the step that runs and by the next one only', () => {
  const done = stepOf({ state: 'done', breaks: ['n0'] });
  const running = stepOf({ state: 'running', breaks: ['n1'] });
  const next = stepOf({ state: 'pending', breaks: ['n2'] });
  const later = stepOf({ state: 'pending', breaks: ['n3'] });
  const run = runOf({ steps: [done, running, next, later] });
  expect(['n0', 'n1', 'n2', 'n3'].map(name => isAboutToBreak(run, name))).toEqual([false, true, true, false]);
});

test('is not lost by one failure while the process answers otherwise, though nothing is pushed', async () => {
  const startedAtMs = performance.now();
  let asked = 0;
  const host = {
    run: (id: string) => {
      asked += 1;
      const longEnough = performance.now() - startedAtMs > 2 * TIMES.lostAfterMs;
      if (longEnough && asked % 2 === 0) return Promise.reject(new SeqdError('demo_unavailable'));
      return Promise.resolve(
        runOf({ id, state: performance.now() - startedAtMs > 200 ? 'passed' : 'running' }),
      );
    },
  };
  let last = '';
  for await (const { state } of followDemo(runOf(), { host, feed: feedOf(null) }, never, TIMES)) last = state;
  expect(last).toBe('passed');
});
