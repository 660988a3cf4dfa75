import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answer, type FakeNode, fakeNode } from '../client/fake-node.ts';
import { type CliRun, run } from './run.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'seqd-import-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A node whose stats and answers to a raise are these, in turn; the last of each stays. */
function nodeThat(
  open: readonly (object | null)[],
  imported: object | null,
  replayed: boolean,
): Promise<FakeNode> {
  let asked = 0;
  return fakeNode((response, _index, { path }) => {
    if (path.endsWith('/stats')) {
      const openImport = open[Math.min(asked, open.length - 1)];
      asked += 1;
      return answer(response, { next: 1, maximum: 1_000, reuse: 'lowest-first', openImport });
    }
    if (path.endsWith('/raise'))
      return answer(response, { next: 108, imported }, replayed ? { 'idempotent-replayed': 'true' } : {});
    return answer(response, {});
  });
}

function importing(node: FakeNode): Promise<CliRun> {
  const file = join(directory, 'old.csv');
  writeFileSync(file, 'no\n100\n101\n104\n107\n');
  return run(['import', file, '--column', 'no', '--yes', '--url', node.url]);
}

const pathsOf = ({ seen }: FakeNode): string[] => seen.map(({ path }) => path.split('/').at(-1)!);

test('a leader that only raised the counter, being too old for imports, ends the import with an error', async () => {
  const node = await nodeThat([null], null, false);
  const { exitCode, stderr } = await importing(node);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('did not document 100 to 107 as imported')]);
  expect(pathsOf(node)).toEqual(['stats', 'raise']);
});

test('one that was raised after the first look is continued, not taken for done', async () => {
  const ours = { first: 100, last: 107, source: 'sha256:9' };
  const dry = await fakeNode(response =>
    answer(response, { next: 1, maximum: 1_000, reuse: 'lowest-first', openImport: null }),
  );
  const file = join(directory, 'old.csv');
  writeFileSync(file, 'no\n100\n101\n104\n107\n');
  const plan = await run(['import', file, '--column', 'no', '--dry-run', '--json', '--url', dry.url]);
  const { source } = JSON.parse(plan.stdout) as { source: string };
  const node = await nodeThat([null, { ...ours, source }], { ...ours, source }, true);
  const { stdout, stderr } = await importing(node);
  expect(stdout, stderr).toContain('the import was continued and is complete');
  expect(pathsOf(node)).toEqual(['stats', 'raise', 'stats', 'adopt']);
});

test('one that was done before is not said again', async () => {
  const node = await nodeThat([null], { first: 100, last: 107, source: 's' }, true);
  expect((await importing(node)).stdout).toContain('imported before; nothing was changed');
  expect(pathsOf(node)).toEqual(['stats', 'raise', 'stats']);
});
