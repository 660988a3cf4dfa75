import { availableParallelism } from 'node:os';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Guard, GUARDS } from './guards.ts';
import { type RunOutcome, WorkingCopy } from './mutant.ts';

/** A test that fails is a proof only if it fails for what it asserts. */
const ASSERTED =
  /^(AssertionError|Error: after the scenario:|Error: Property failed|Error: promise resolved)/;

/** As many mutants at a time as there are processors. */
const free: (() => void)[] = [];
let slots = Math.max(1, availableParallelism());

async function inTurn<T>(task: () => Promise<T>): Promise<T> {
  if (slots === 0) await new Promise<void>(resolve => free.push(resolve));
  else slots -= 1;
  try {
    return await task();
  } finally {
    const next = free.shift();
    if (next === undefined) slots += 1;
    else next();
  }
}

async function inCopy<T>(task: (copy: WorkingCopy) => Promise<T>): Promise<T> {
  const copy = await WorkingCopy.create();
  try {
    return await task(copy);
  } finally {
    await copy.remove();
  }
}

/** With all guards in place; by project. */
const untouched = new Map<string, RunOutcome>();

beforeAll(async () => {
  await Promise.all(
    (['unit', 'simulation'] as const).map(project =>
      inTurn(() =>
        inCopy(async copy => {
          const killers = GUARDS.map(({ killedBy }) => killedBy).filter(killer => killer.project === project);
          const files = [...new Set(killers.map(({ file }) => file))];
          untouched.set(project, await copy.run(project, files));
        }),
      ),
    ),
  );
}, 300_000);

describe.concurrent('without this guard a named test fails by its assertion', () => {
  test.each(GUARDS)('$guard', { timeout: 300_000 }, async guard => {
    const { killedBy } = guard;
    const before = untouched.get(killedBy.project)!;
    const killers = before.tests.filter(
      ({ file, name }) => file === killedBy.file && name.includes(killedBy.name),
    );
    expect(
      killers.map(({ status }) => status),
      `with all guards: ${before.error ?? ''}`,
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
  const { project, file, name } = guard.killedBy;
  return inTurn(() =>
    inCopy(async copy => {
      await copy.mutate(guard);
      return copy.run(project, [file], name);
    }),
  );
}
