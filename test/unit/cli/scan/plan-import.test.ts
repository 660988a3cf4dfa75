import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GapsTo, planImport } from '../../../../src/cli/scan/plan-import.ts';
import { NumberSet } from '../../../../src/cli/scan/number-set.ts';
import { LARGE_GAP_SIZE_MIN } from '../../../../src/core/adopt.ts';
import { digest, SeriesWorld } from '../../../kit/series-world.ts';
import { plan as planBatch } from '../../../../src/core/plan.ts';
import { planRecords } from '../../../../src/core/records.ts';
import { COMMIT_BYTES_MAX, COMMIT_RECORDS_MAX } from '../../../../src/ports/sequence-store.ts';

/** Carries a plan out as the command does. */
function adopt(world: SeriesWorld, numbers: NumberSet, gapsTo: GapsTo): number {
  const plan = planImport(numbers, gapsTo);
  const { first, last, source } = plan;
  const said = { reason: 'r', actor: 'a' };
  const imported = { first, source, gapsTo };
  expect(world.do({ kind: 'raise', next: last + 1, ...said, imported }).status).toBe('done');
  let steps = 0;
  for (const step of plan.stepsOf()) {
    const command = { kind: 'adopt' as const, ...step, source, ...said };
    const limits = { recordsMax: COMMIT_RECORDS_MAX, bytesMax: COMMIT_BYTES_MAX };
    const planned = planBatch(world.state, [{ command, origin: {} }], {
      now: 1,
      node: 'n',
      serial: 1,
      digest,
      ...limits,
    });
    const { puts, deletes } = planRecords(planned.plan!);
    expect(puts.length + deletes.length).toBeLessThanOrEqual(COMMIT_RECORDS_MAX);
    expect(puts.reduce((sum, { value }) => sum + value.length, 0)).toBeLessThan(COMMIT_BYTES_MAX);
    expect(world.do(command).status).toBe('done');
    steps += 1;
  }
  expect(steps).toBe(plan.steps);
  return steps;
}

const setOf = (numbers: readonly number[]): NumberSet => {
  const set = new NumberSet();
  for (const number of numbers) set.add(number);
  return set;
};

test('whatever numbering is imported, all its numbers are accounted for, each as what it was', () => {
  const strides = fc.array(
    fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 1, max: 5 }) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 20_000 }) },
      { weight: 1, arbitrary: fc.constantFrom(LARGE_GAP_SIZE_MIN, LARGE_GAP_SIZE_MIN + 1, 200_000) },
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      strides,
      fc.constantFrom('pool', 'void'),
      (from, by, to) => {
        const list = [from];
        for (const stride of by) list.push(list.at(-1)! + stride);
        const world = new SeriesWorld();
        adopt(world, setOf(list), to);
        const report = world.check();
        expect(report).toMatchObject({
          complete: true,
          problems: [],
          imported: list.length,
          openImport: null,
        });
        expect(report.next).toBe(list.at(-1)! + 1);
        const gaps = report.next - report.start - list.length;
        expect(to === 'pool' ? report.pooled : report.void).toBe(gaps);
      },
    ),
    { numRuns: 60 },
  );
});

test('thousands of gaps take several commits, each within the limits, and the same ones each time', () => {
  const numbers = setOf(Array.from({ length: 60_000 }, (_, i) => 2 * i + 1));
  expect(adopt(new SeriesWorld(), numbers, 'pool')).toBeGreaterThan(50);
  const plan = planImport(numbers, 'pool');
  expect([...plan.stepsOf()]).toEqual([...planImport(numbers, 'pool').stepsOf()]);
  expect(plan.source).toBe(planImport(numbers, 'pool').source);
  expect(plan.source).not.toBe(planImport(numbers, 'void').source);
});

test('two numberings in one column are refused before anything is sent', () => {
  expect(() => planImport(setOf([1, 2 ** 40]), 'void')).toThrow(/are there two numberings/);
  const spread = setOf(Array.from({ length: 40 }, (_, i) => 1 + i * 100_000));
  expect(() => planImport(spread, 'void')).toThrow(/39 gaps of 65536 numbers or more/);
  expect(() => planImport(new NumberSet(), 'void')).toThrow(/no numbers to import/);
});
