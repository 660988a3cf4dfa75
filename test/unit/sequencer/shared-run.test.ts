import { expect, test } from 'vitest';
import { SharedRun } from '../../../src/sequencer/shared-run.ts';

/** Runs that end when the test says so. */
function controlled(): { run: SharedRun<number>; ends: ((error?: Error) => void)[] } {
  const ends: ((error?: Error) => void)[] = [];
  const run = new SharedRun(
    () =>
      new Promise<number>((resolve, reject) => {
        const nth = ends.length + 1;
        ends.push(error => (error === undefined ? resolve(nth) : reject(error)));
      }),
  );
  return { run, ends };
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

test('who asks while it runs is served by the next run, together with all who ask meanwhile', async () => {
  const { run, ends } = controlled();
  const first = run.result();
  const others = [run.result(), run.result()];
  await turn();
  expect(ends).toHaveLength(1);
  ends[0]!();
  expect(await first).toBe(1);
  await turn();
  const third = run.result();
  expect(ends).toHaveLength(2);
  ends[1]!();
  expect(await Promise.all(others)).toEqual([2, 2]);
  await turn();
  ends[2]!();
  expect(await third).toBe(3);
});

test('a run that fails fails for those whose run it was only', async () => {
  const { run, ends } = controlled();
  const first = run.result();
  const second = run.result();
  ends[0]!(new Error('no'));
  await expect(first).rejects.toThrow('no');
  await turn();
  ends[1]!();
  expect(await second).toBe(2);
});

test('nobody is served by a run that had begun before, whenever they ask', async () => {
  const { run, ends } = controlled();
  const first = run.result();
  const waiting = run.result();
  const ask = async (): Promise<{ begun: number; nth: number }> => ({
    begun: ends.length,
    nth: await run.result(),
  });
  // Two by two, turn by turn after the end of the first: all that lies between it and the begin of the next.
  const asked = Array.from({ length: 12 }, async (_, turns) => {
    await first;
    for (let i = 0; i < turns; i += 1) await Promise.resolve();
    return Promise.all([ask(), ask()]);
  });
  for (let ended = 0; ended < 5; ended += 1) {
    for (const end of ends) end();
    await turn();
  }
  expect(await waiting).toBe(2);
  for (const { begun, nth } of (await Promise.all(asked)).flat()) expect(nth).toBeGreaterThan(begun);
});

test('never two at a time, also for whoever asks at the very end of one', async () => {
  const { run, ends } = controlled();
  const first = run.result();
  const second = run.result();
  // Asked before those who waited have had their turn.
  const third = first.then(() => run.result());
  ends[0]!();
  await first;
  await turn();
  expect(ends).toHaveLength(2);
  ends[1]!();
  expect(await second).toBe(2);
  await turn();
  for (const end of ends) end();
  expect(await third).toBeGreaterThanOrEqual(2);
});
