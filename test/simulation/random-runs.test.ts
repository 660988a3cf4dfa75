import { describe, expect, test } from 'vitest';
import { simulate, type SimulationReport } from '../kit/sim/simulation.ts';

// Seeds 1 to SEQD_SIM_RUNS, or the one seed SEQD_SIM_SEED. A seed decides everything about its run, so what
// failed once fails again:  SEQD_SIM_SEED=4711 npx vitest run --project simulation random-runs
const RUNS = Number(process.env['SEQD_SIM_RUNS'] ?? 300);
const ONLY = process.env['SEQD_SIM_SEED'];
const CHUNK = 50;

const chunks =
  ONLY === undefined
    ? Array.from({ length: Math.ceil(RUNS / CHUNK) }, (_, i) => ({
        first: i * CHUNK + 1,
        last: Math.min(RUNS, (i + 1) * CHUNK),
      }))
    : [{ first: Number(ONLY), last: Number(ONLY) }];

/** What the runs of this file met, to show that they were no walk in the park. */
const met = new Map<string, number>();

function note(report: SimulationReport): void {
  for (const counts of [report.answers, report.observed])
    for (const [name, count] of Object.entries(counts)) met.set(name, (met.get(name) ?? 0) + count);
}

describe('three nodes, every fault: afterwards nothing is missing, nothing is there twice, and every answer was true', () => {
  test.each(chunks)('seeds $first to $last', { timeout: 600_000 }, async ({ first, last }) => {
    const failed: string[] = [];
    for (let seed = first; seed <= last; seed += 1) {
      try {
        const report = await simulate(seed);
        note(report);
        if (report.problems.length > 0) failed.push(describeFailure(report));
      } catch (error) {
        failed.push(`SEQD_SIM_SEED=${seed}\n  ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
    expect(failed.join('\n')).toBe('');
  });

  test.runIf(ONLY === undefined && RUNS >= 50)('the runs met every kind of trouble', () => {
    const kinds = ['outcome_unknown', 'unavailable', 'storage_full', 'overloaded', 'draining', 'exhausted'];
    const happenings = ['conflicted', 'unknown', 'reordered', 'forwardFailed'];
    for (const name of [...kinds, ...happenings]) expect(met.get(name) ?? 0, name).toBeGreaterThan(10);
    expect(met.get('done')! / [...met].filter(([name]) => kinds.includes(name)).length).toBeGreaterThan(100);
  });
});

test('the same seed takes the same course', async () => {
  expect(await simulate(7)).toEqual(await simulate(7));
});

function describeFailure({ seed, problems, options, deeds }: SimulationReport): string {
  const shown = problems.slice(0, 10).map(problem => `  ${problem}`);
  return [
    `SEQD_SIM_SEED=${seed} ${JSON.stringify(options)}`,
    ...shown,
    `  strokes: ${deeds.join('; ')}`,
  ].join('\n');
}
