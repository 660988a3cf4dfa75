import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { describeReport } from '../../../src/cli/verify-report.ts';
import type { CompletenessReport } from '../../../src/core/completeness.ts';
import { ERROR_CODES, type ErrorCode, SeqdError } from '../../../src/core/errors.ts';
import { deadUrl } from '../client/fake-node.ts';
import { run } from './run.ts';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** A working directory with a demonstration whose etcd is here. */
function directoryOf(endpoint: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'seqd-cli-'));
  directories.push(directory);
  mkdirSync(join(directory, 'data', 'poc'), { recursive: true });
  const demonstration = { cluster: 'demo', etcd: { endpoints: [endpoint] }, nodes: [] };
  writeFileSync(join(directory, 'data', 'poc', 'run.json'), JSON.stringify(demonstration));
  return directory;
}

describe('verify without etcd', () => {
  it('ends with 4 and says in two lines what was tried and what to do', async () => {
    const endpoint = await deadUrl();
    const { exitCode, stdout, stderr } = await run(['verify', '--etcd-endpoints', endpoint]);
    expect([exitCode, stdout]).toEqual([4, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([
      'seqd: No etcd quorum can be reached (unavailable)',
      `  Tried ${endpoint} (from flag:--etcd-endpoints): not reachable. Is etcd running there? --etcd-endpoints names another one; docs/runbook.md says more.`,
    ]);
  });

  it('--json prints the same as one document', async () => {
    const endpoint = await deadUrl();
    const { stdout } = await run(['verify', '--json', '--etcd-endpoints', endpoint]);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'unavailable',
        detail: 'No etcd quorum can be reached',
        retry: 'later',
        endpoints: [endpoint],
        exitCode: 4,
      },
    });
  });

  it.each([{ args: [] }, { args: ['--cluster', 'another'] }])(
    'verify $args looks in the etcd of the demonstration that runs',
    async ({ args }) => {
      const endpoint = await deadUrl();
      const { stderr } = await run(['verify', ...args], { cwd: directoryOf(endpoint) });
      expect(stderr).toContain(`Tried ${endpoint} (from data/poc/run.json)`);
    },
  );

  it('endpoints with credentials are refused without showing them', async () => {
    const { exitCode, stdout, stderr } = await run([
      'verify',
      '--json',
      '--etcd-endpoints',
      'http://u:geheim@a:1',
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('credentials are not supported (invalid_request)');
    expect(stdout + stderr).not.toContain('geheim');
  });
});

describe('an error of our own in any command', () => {
  const failing = (code: ErrorCode): ReturnType<typeof run> =>
    run(['serve'], { serve: () => Promise.reject(new SeqdError(code)) });

  it('is printed with its code and what to do, and no stack trace', async () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      const { stderr } = await failing(code);
      expect(stderr).toMatch(new RegExp(`^seqd: .+ \\(${code}\\)\\n  [A-Z].+\\.\\n$`));
    }
  });

  it.each([
    ['unavailable', 4],
    ['storage_full', 4],
    ['outcome_unknown', 4],
    ['invalid_request', 2],
    ['unsupported_format', 1],
    ['invariant_violated', 1],
    ['internal', 1],
  ] as const)('%s ends with %i', async (code, exitCode) => {
    expect((await failing(code)).exitCode).toBe(exitCode);
  });
});

describe('the report of verify', () => {
  const report: CompletenessReport = {
    complete: true,
    revision: 7,
    start: 1,
    next: 11,
    numbers: 10,
    issued: 8,
    reserved: 0,
    pooled: 1,
    void: 1,
    imported: 0,
    openImport: null,
    holes: [],
    missing: 0,
    duplicates: [],
    problems: [],
    witnessedByStateOnly: 0,
    journalFirst: 1,
    batches: 3,
    facts: 4,
    chain: 'c'.repeat(64),
  };
  const lines = (changes: Partial<CompletenessReport>): string[] =>
    describeReport({ ...report, ...changes }, { series: 's', cluster: 'c' });

  it('ends with what is proven', () => {
    expect(lines({}).at(-1)).toBe('complete: every number from 1 to 10 is accounted for exactly once');
    expect(lines({ start: 5, next: 5, numbers: 0 }).at(-1)).toBe(
      'complete: no numbers yet, the first will be 5',
    );
  });

  it('names holes as ranges, so that its length does not grow with the numbers in them', () => {
    const next = 9_000_000_000_000_000;
    const voided = lines({ next, numbers: next - 1, void: next - 10 });
    expect(voided).toHaveLength(lines({}).length);
    const holes = lines({ complete: false, holes: [{ first: 2, last: next }], missing: next - 1 });
    expect(holes).toContain(`missing: 2–${next}`);
    expect(holes.at(-1)).toContain('NOT COMPLETE');
  });

  it('shows ten runs of many', () => {
    const holes = Array.from({ length: 30 }, (_, index) => ({ first: 2 * index, last: 2 * index }));
    expect(lines({ complete: false, holes })).toContain(
      'missing: 0, 2, 4, 6, 8, 10, 12, 14, 16, 18 and 20 more',
    );
  });

  it('says for how many numbers the stored state is the only witness', () => {
    expect(lines({}).join('\n')).not.toContain('witness');
    expect(lines({ journalFirst: 4, witnessedByStateOnly: 6 }).join('\n')).toContain(
      'begins with batch 4; for 6 numbers',
    );
  });
});
