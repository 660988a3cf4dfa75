import { describe, expect, test } from 'vitest';
import { fakeNode } from '../client/fake-node.ts';
import { run } from './run.ts';

describe('seqd report', () => {
  test.each([
    ['true', 0],
    ['false', 1],
    ['yes', 1],
    [undefined, 1],
  ])('ends with 0 only when the answer says that it is complete: %s', async (said, exitCode) => {
    const node = await fakeNode(response => {
      response.writeHead(200, said === undefined ? {} : { 'x-report-complete': said });
      response.end('COMPLETE\n');
    });
    expect(await run(['report', '--url', node.url])).toMatchObject({ exitCode, stdout: 'COMPLETE\n' });
  });
});
