import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  auditCommand,
  curlCommand,
  nextCommand,
  releaseCommand,
  shellWord,
  showCommand,
} from '../../../dashboard/js/actions-command.js';

const ORIGIN = 'http://127.0.0.1:8080';

/** The words that a POSIX shell makes of a command. */
function wordsOf(command: string): string[] {
  const script = `printf '%s\\0' ${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('a word for a shell', () => {
  it('stays as it is where nothing in it has a meaning', () => {
    expect(shellWord('site-1')).toBe('site-1');
    expect(shellWord('http://127.0.0.1:8080/api')).toBe('http://127.0.0.1:8080/api');
  });

  it('is quoted when it is empty', () => {
    expect(shellWord('')).toBe("''");
  });

  it('is read back by the shell as it was, whatever is in it', () => {
    const nasty = fc.string({ unit: fc.constantFrom(...Array.from('\'"\\$`!*?~#&|;<>(){}[]= \n\taé€-')) });
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 1, maxLength: 8 }), texts => {
        expect(wordsOf(texts.map(shellWord).join(' '))).toEqual(texts);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a request as curl', () => {
  it('carries the body and the key as they are sent', () => {
    const body = { siteId: 'site-1', reference: `O'Brien "7" $HOME` };
    const command = curlCommand({ origin: ORIGIN, path: '/api/v1/sequence/next', body, key: 'k-1' });
    expect(wordsOf(command)).toEqual([
      'curl',
      '-sS',
      '-H',
      'content-type: application/json',
      '-H',
      'idempotency-key: k-1',
      '--data-raw',
      JSON.stringify(body),
      `${ORIGIN}/api/v1/sequence/next`,
    ]);
  });

  it('has no key before there is one', () => {
    expect(curlCommand({ origin: ORIGIN, path: '/x', body: {} })).not.toContain('idempotency-key');
  });
});

describe('a request as the seqd command', () => {
  it('names everything that was asked for', () => {
    const body = {
      siteId: 'site-1',
      partitionId: 'partition-a',
      invoiceType: 'on-cycle',
      count: 3,
      contiguous: true,
      reference: 'invoice 7',
    };
    expect(nextCommand(body, { origin: ORIGIN, key: 'k' })).toBe(
      "seqd next --site site-1 --partition partition-a --type on-cycle --count 3 --contiguous --reference 'invoice 7' " +
        '--key k --url http://127.0.0.1:8080',
    );
  });

  it('never lets a value pass for an option', () => {
    const body = { sequenceNumber: 7, siteId: 's', partitionId: 'p', reason: '--json' };
    expect(wordsOf(releaseCommand(body, { origin: ORIGIN }))).toContain('--reason=--json');
  });

  it('gives a number back with its allocation', () => {
    const body = { sequenceNumber: 7, siteId: 's', partitionId: 'p', reason: 'x', allocationId: '4-0' };
    expect(releaseCommand(body, { origin: ORIGIN })).toBe(
      'seqd release 7 --site s --partition p --reason x --allocation-id 4-0 --url http://127.0.0.1:8080',
    );
  });

  it('shows a life and asks the audit trail', () => {
    expect(showCommand(42, { origin: ORIGIN })).toBe('seqd show 42 --url http://127.0.0.1:8080');
    expect(auditCommand({ number: '4-9', siteId: 'site-1', order: 'asc' }, { origin: ORIGIN })).toBe(
      'seqd audit --number 4-9 --site site-1 --url http://127.0.0.1:8080',
    );
  });
});
