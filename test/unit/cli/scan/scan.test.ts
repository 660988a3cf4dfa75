import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { NumberingScan, type ScanReport } from '../../../../src/cli/scan/numbering-scan.ts';
import { type CliRun, run } from '../run.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'seqd-scan-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function scan(content: string, ...args: string[]): Promise<CliRun> {
  const file = join(directory, 'numbers.csv');
  writeFileSync(file, content);
  return run(['scan', file, '--column', 'no', ...args]);
}

async function report(content: string, ...args: string[]): Promise<ScanReport> {
  return JSON.parse((await scan(content, ...args, '--json')).stdout) as ScanReport;
}

const csv = (...numbers: string[]): string => ['no,year', ...numbers.map(n => `${n},x`), ''].join('\n');

describe('seqd scan', () => {
  it('reports range, gaps as runs, and that nothing was changed', async () => {
    const { exitCode, stdout } = await scan(csv('10', '11', '15', '17'));
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      '4 numbers from 10 to 17\n4 missing in 2 runs, longest 3 (12–14), 0 duplicates\n',
    );
    expect(stdout).toMatch(/nothing was changed\n$/);
  });

  it('names the last line when no line end follows it: 5551 may be 555150 cut off', async () => {
    const cut = 'date,no\nd,555148\nd,555149\nd,5551';
    const { exitCode, stdout } = await scan(cut);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('line 4: no line end follows "5551"');
    expect(stdout).toMatch(/PERHAPS INCOMPLETE: .*--last-line-complete\n$/);
    expect(await report(cut)).toMatchObject({ clean: false, unended: { line: 4, value: '5551' } });
    expect(await report(`${cut}\n`)).toMatchObject({ clean: true, unended: null });
    expect(await report(`${cut}\r\n`)).toMatchObject({ clean: true, unended: null });
    expect((await scan(cut, '--last-line-complete')).exitCode).toBe(0);
    expect(await report('no\n"5551"')).toMatchObject({ clean: false, unended: { line: 2, value: '5551' } });
  });

  it('takes all prefixes for one numbering and names them; --per-prefix takes them apart', async () => {
    const mixed = csv('1', 'C2', '3', 'C4');
    expect(await report(mixed)).toMatchObject({
      missing: 0,
      prefixes: [
        { prefix: '', rows: 2, first: 1, last: 3 },
        { prefix: 'C', rows: 2, first: 2, last: 4 },
      ],
    });
    expect(await report(mixed, '--per-prefix')).toMatchObject({
      missing: 2,
      groups: [
        { prefix: '', missing: 1, longestRun: { first: 2, last: 2 } },
        { prefix: 'C', missing: 1, longestRun: { first: 3, last: 3 } },
      ],
    });
  });

  it('numbers each period by itself', async () => {
    const yearly = 'no,year\n1,2023\n2,2023\n1,2024\n4,2024\n';
    expect(await report(yearly)).toMatchObject({ duplicates: 1, missing: 1 });
    expect(await report(yearly, '--period-column', 'year')).toMatchObject({
      duplicates: 0,
      missing: 2,
      groups: [
        { period: '2023', missing: 0 },
        { period: '2024', missing: 2, longestRun: { first: 2, last: 3 } },
      ],
    });
  });

  it('names duplicates, and whatever is no number, with their lines', async () => {
    const bad = csv('1', '-2', '', '007', '9007199254740992', 'abc', '7', '0');
    const { exitCode, stdout } = await scan(bad);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('negative (1): line 3: "-2"');
    expect(stdout).toContain('empty (1): line 4: ""');
    expect(stdout).toContain('zero-padded, read as the number (1): line 5: "007"');
    expect(stdout).toContain('above 2^53 - 1 (1): line 6: "9007199254740992"');
    expect(stdout).toContain('not a number (1): line 7: "abc"');
    expect(stdout).toContain('there before (1): line 8: "7"');
    expect(stdout).toContain('zero (1): line 9: "0"');
    expect(stdout).toMatch(/INCOMPLETE: 5 lines are not in these figures/);
  });

  it('names malformed rows with their lines, and counts the others', async () => {
    const found = await report('no,year\n1,a\n2\n3,a,b\n4,a\n');
    expect(found).toMatchObject({ clean: false, cutOff: false, distinct: 2, malformed: 2 });
    expect(found.malformedExamples).toEqual([
      { line: 3, message: 'expected 2 fields, found 1' },
      { line: 4, message: 'expected 2 fields, found 3' },
    ]);
  });

  it.each([
    ['in a field', 'year,no\na,1\na'],
    ['inside quotes', 'no,year\n1,a\n2,"a'],
  ])('recognises a file that is cut off %s', async (_where, content) => {
    const { exitCode, stdout } = await scan(content);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/not readable \(1\): line 3: the file is cut off/);
    expect(stdout).toMatch(/INCOMPLETE: the file is cut off in the middle of a row/);
  });

  it('a stray quote is malformed, and not taken for the end of a file that is cut off', async () => {
    const found = await report('no,year\n1,a\n"2"x,a\n3,a\n');
    expect(found).toMatchObject({ clean: false, cutOff: false });
    expect(found.malformedExamples[0]).toMatchObject({ line: 3 });
  });

  it('an unknown column is named with what may have been meant', async () => {
    const { exitCode, stderr } = await run(['scan', join(directory, 'numbers.csv'), '--column', 'nr']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('there is no column "nr"; did you mean "no"? The columns are "no", "year"');
    const other = await scan(csv('1'), '--period-column', 'month');
    expect(other).toMatchObject({ exitCode: 2, stdout: '' });
    expect(other.stderr).toContain('there is no column "month". The columns are "no", "year"');
  });

  it('a line that another delimiter divides is shown as the one column it is', async () => {
    const { stderr } = await run([
      'scan',
      join(directory, 'numbers.csv'),
      '--column',
      'no',
      '--delimiter',
      ';',
    ]);
    expect(stderr).toContain('The only column is "no,year"');
  });

  it.each([
    ['no source', [], 'name a file'],
    ['a column without a source', ['--column', 'no'], 'name a file'],
    ['a table without a database', ['--column', 'no', '--table', 't'], '--database must say'],
    ['an address that is none', ['--column', 'no', '--table', 't', '--database', 'x'], 'must be a URL like'],
    ['no such file', ['/nonexistent/x.csv', '--column', 'no'], 'cannot read the file'],
  ])('%s is a wrong command line', async (_what, args, message) => {
    const { exitCode, stderr } = await run(['scan', ...args]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('an empty file, or one with a header only, is said to be that', async () => {
    expect(await scan('')).toMatchObject({ exitCode: 2 });
    expect((await scan('no,year\n')).stdout).toContain('no numbers');
  });

  it('reads other delimiters, a byte order mark and quoted fields', async () => {
    expect(await report('\uFEFF"no";"year"\r\n"1";"a;b"\r\n"3";"c"\r\n', '--delimiter', ';')).toMatchObject({
      clean: true,
      distinct: 2,
      missing: 1,
    });
  });
});

test('a scan counts what a plain set of numbers counts', () => {
  const row = fc.record({ prefix: fc.constantFrom('', 'C'), number: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 80 }), rows => {
      const naive = new Set(rows.map(({ number }) => number));
      const numbering = new NumberingScan();
      for (const [i, { prefix, number }] of rows.entries())
        numbering.add({ line: i + 2, value: `${prefix}${number}` });
      const found = numbering.report({ name: 'x', column: 'no', unit: 'line' });
      const [first, last] = [Math.min(...naive), Math.max(...naive)];
      const missing = naive.size === 0 ? 0 : last - first + 1 - naive.size;
      let runs = 0;
      let longest = 0;
      for (let n = first, length = 0; n <= last; n += 1) {
        length = naive.has(n) ? 0 : length + 1;
        if (length === 1) runs += 1;
        longest = Math.max(longest, length);
      }
      expect(found).toMatchObject({
        rows: rows.length,
        distinct: naive.size,
        first: naive.size === 0 ? null : first,
        last: naive.size === 0 ? null : last,
        missing,
        missingRuns: runs,
        duplicates: rows.length - naive.size,
      });
      const { longestRun } = found;
      expect(longestRun === null ? 0 : longestRun.last - longestRun.first + 1).toBe(longest);
    }),
  );
});
