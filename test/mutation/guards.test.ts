import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Guard, GUARDS } from './guards.ts';
import { type RunOutcome, WorkingCopy } from './mutant.ts';

/** A test that fails is a proof only if it fails for what it asserts. */
const ASSERTED =
  /^(AssertionError|Error: after the scenario:|Error: Property failed|Error: promise resolved)/;

/** As many as there are processors; those that are free, and those who wait for one. */
const copies: WorkingCopy[] = [];
const free: WorkingCopy[] = [];
const waiting: ((copy: WorkingCopy) => void)[] = [];

async function inCopy<T>(task: (copy: WorkingCopy) => Promise<T>): Promise<T> {
  const copy = free.pop() ?? (await new Promise<WorkingCopy>(resolve => waiting.push(resolve)));
  try {
    return await task(copy);
  } finally {
    await copy.restore();
    const next = waiting.shift();
    if (next === undefined) free.push(copy);
    else next(copy);
  }
}

/** How the named tests of a file come out with all guards in place; by file. */
const untouched = new Map<string, Promise<RunOutcome>>();

function withAllGuards({ project, file }: Guard['killedBy']): Promise<RunOutcome> {
  const known = untouched.get(file);
  if (known !== undefined) return known;
  const killers = GUARDS.map(({ killedBy }) => killedBy).filter(killer => killer.file === file);
  const outcome = inCopy(copy => copy.run(project, killers));
  untouched.set(file, outcome);
  return outcome;
}

beforeAll(async () => {
  const count = availableParallelism();
  copies.push(...(await Promise.all(Array.from({ length: count }, () => WorkingCopy.create()))));
  free.push(...copies);
}, 300_000);

afterAll(() => Promise.all(copies.map(copy => copy.remove())));

describe.concurrent('without this guard a named test fails by its assertion', () => {
  test.each(GUARDS)('$guard', { timeout: 300_000 }, async guard => {
    const { killedBy } = guard;
    const before = await withAllGuards(killedBy);
    const killers = before.tests.filter(
      ({ file, name }) => file === killedBy.file && name.includes(killedBy.name),
    );
    expect(before.error, 'with all guards').toBeUndefined();
    expect(
      killers.map(({ status }) => status),
      'with all guards',
    ).not.toContain('failed');
    expect(killers, `no test is called ${killedBy.name}`).not.toEqual([]);
    const { tests, error } = await mutated(guard);
    expect(error, 'the mutant does not even load').toBeUndefined();
    const failures = tests.flatMap(outcome => outcome.failures);
    expect(failures, 'the mutant survives').not.toEqual([]);
    for (const failure of failures) expect(failure).toMatch(ASSERTED);
  });
});

describe.concurrent('the runner itself', () => {
  const [sample] = GUARDS as [Guard];

  test('lets a change that takes nothing out survive', async () => {
    const { tests, error } = await mutated({ ...sample, replace: `${sample.find} // unchanged` });
    expect(error).toBeUndefined();
    expect(tests.map(({ status }) => status)).toEqual(['passed']);
  });

  test('does not take sources that do not load for a failed test', async () => {
    const { tests, error } = await mutated({ ...sample, replace: 'case case' });
    expect(error).toBeTypeOf('string');
    expect(tests).toEqual([]);
  });

  test('refuses to change a text that is not there exactly once', async () => {
    await expect(mutated({ ...sample, find: 'no such text' })).rejects.toThrow('0 times, not once');
    await expect(mutated({ ...sample, find: 'outcome' })).rejects.toThrow('times, not once');
  });
});

function mutated(guard: Guard): Promise<RunOutcome> {
  return inCopy(async copy => {
    await copy.mutate(guard);
    return copy.run(guard.killedBy.project, [guard.killedBy]);
  });
}
