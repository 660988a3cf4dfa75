import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeNode, answer, fakeNode, issued, refuse } from '../client/fake-node.ts';
import { run } from './run.ts';

const HEADER = 'invoice_no,invoiced_at,country,line_count,amount_gbp';
const row = (invoiceNo: string): string => `${invoiceNo},2010-12-01T08:26:00,France,1,1.00`;

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function csv(...rows: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'seqd-replay-'));
  directories.push(directory);
  const path = join(directory, 'documents.csv');
  writeFileSync(path, [HEADER, ...rows, ''].join('\n'));
  return path;
}

const STATS = {
  journal: { sequence: 0 },
  byType: {},
  idempotency: { keysMax: 100, windowHours: 24 },
  vocabulary: {
    sites: [{ id: 'site-1', partitions: ['partition-a'] }],
    invoiceTypes: { 'on-cycle': 'issue', suppressed: 'suppress' },
    countMax: 10,
  },
};

/** A node alone in its cluster that gives out 1, 2, 3, … unless `next` does something else. */
async function lonelyNode(
  next: (index: number, respond: Parameters<typeof answer>[0]) => void = (index, response) =>
    answer(response, issued(index + 1)),
): Promise<FakeNode> {
  let drawn = 0;
  const node = await fakeNode((response, _index, { path }) => {
    if (path.endsWith('/stats'))
      return answer(response, { ...STATS, cluster: { nodes: [{ url: node.url }] } });
    if (path === '/health') return answer(response, { status: 'healthy', node: 'fake', checks: {} });
    next(drawn++, response);
  });
  return node;
}

const drawsOf = (node: FakeNode) => node.seen.filter(({ path }) => path.endsWith('/next'));

describe('seqd replay', () => {
  it('sends each document once, with a key from file name and invoice number', async () => {
    const node = await lonelyNode();
    const { exitCode, stdout } = await run(['replay', csv(row('1'), row('C2')), '--url', node.url, '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      documents: 2,
      kept: 1,
      suppressed: 1,
      failed: 0,
      duplicates: 0,
    });
    const draws = drawsOf(node);
    expect(draws.map(({ key }) => key!).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'documents.csv:1',
      'documents.csv:C2',
    ]);
    const references = draws.map(({ body }) => (JSON.parse(body) as { reference: string }).reference);
    expect(new Set(references)).toEqual(new Set(['1', 'C2']));
  });

  it('--limit sends the first documents only', async () => {
    const node = await lonelyNode();
    await run([
      'replay',
      csv(row('1'), row('2'), row('3')),
      '--limit',
      '2',
      '--concurrency',
      '1',
      '--url',
      node.url,
    ]);
    expect(drawsOf(node).map(({ key }) => key)).toEqual(['documents.csv:1', 'documents.csv:2']);
  });

  it('malformed rows are named with their lines, and nothing is sent', async () => {
    const node = await lonelyNode();
    const { exitCode, stdout, stderr } = await run(['replay', csv(row('1'), row('x')), '--url', node.url]);
    expect([exitCode, stdout, node.seen]).toEqual([2, '', []]);
    expect(stderr).toContain('documents.csv:3: invoice_no');
  });

  it('a failed document is named, stops nobody and ends with 1', async () => {
    const node = await lonelyNode((index, response) =>
      index === 0 ? refuse(response, 'exhausted') : answer(response, issued(index)),
    );
    const file = csv(row('1'), row('2'), row('3'));
    const { exitCode, stdout } = await run(['replay', file, '--concurrency', '1', '--url', node.url]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/kept numbers +2\n/);
    expect(stdout).toContain('1: The series has no numbers left. (exhausted)');
  });

  it('a number given to two documents is found and ends with 1', async () => {
    const node = await lonelyNode((_index, response) => answer(response, issued(7)));
    const { exitCode, stdout } = await run(['replay', csv(row('1'), row('2')), '--url', node.url, '--json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ duplicates: 1, kept: 1 });
  });

  it('Ctrl-C finishes what is under way, prints the summary and ends with 130', async () => {
    let interrupt = (): void => {};
    const node = await lonelyNode((index, response) => {
      interrupt();
      answer(response, issued(index + 1));
    });
    const onInterrupt = (handle: () => void): (() => void) => {
      interrupt = handle;
      return () => {};
    };
    const file = csv(row('1'), row('2'), row('3'));
    const args = ['replay', file, '--concurrency', '1', '--url', node.url, '--json'];
    const { exitCode, stdout } = await run(args, { onInterrupt });
    expect(exitCode).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ end: 'interrupted', sent: 1, kept: 1, failed: 0 });
  });

  it('gives up when no server answers, instead of failing every document slowly', async () => {
    const node = await lonelyNode((_index, response) => response.destroy());
    const file = csv(...Array.from({ length: 50 }, (_, index) => row(String(index + 1))));
    const args = ['replay', file, '--concurrency', '2', '--timeout', '0.05', '--url', node.url, '--json'];
    const { exitCode, stdout } = await run(args);
    expect(exitCode).toBe(1);
    const summary = JSON.parse(stdout) as { end: string; sent: number };
    expect(summary.end).toBe('unavailable');
    expect(summary.sent).toBeLessThan(5);
  });

  it('warns when the server forgets keys before all are sent', async () => {
    const node = await lonelyNode();
    const file = csv(...Array.from({ length: 101 }, (_, index) => row(String(index + 1))));
    const { stderr } = await run(['replay', file, '--url', node.url]);
    expect(stderr).toContain('remembers 100 keys for 24 h');
  });
});
