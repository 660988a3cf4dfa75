import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { AUDIT_COLUMNS, type AuditRow } from '../../../src/ledger/audit/audit-row.ts';
import { csvRecord } from '../../../src/ledger/csv.ts';
import { ExportCheck, type ExportFormat, ExportText } from '../../../src/ledger/audit/export-text.ts';

const row = (fields: Partial<AuditRow>): AuditRow => ({
  ...(Object.fromEntries(AUDIT_COLUMNS.map(column => [column, null])) as AuditRow),
  ...fields,
});

const exported = (format: ExportFormat, rows: readonly AuditRow[]): Buffer => {
  const text = new ExportText(format);
  return Buffer.from([text.begin(), ...rows.map(one => text.chunk([one])), text.end()].join(''));
};

const verdictOf = (bytes: Buffer, pieces = bytes.length): ReturnType<ExportCheck['verdict']> => {
  const check = new ExportCheck();
  for (let at = 0; at < bytes.length; at += pieces) check.feed(bytes.subarray(at, at + pieces));
  return check.verdict();
};

describe('a CSV record', () => {
  test('quotes what needs it, as RFC 4180 says', () => {
    expect(csvRecord(['a', 'b,c', 'say "x"', 'two\nlines', null, 7, ''])).toBe(
      'a,"b,c","say ""x""","two\nlines",,7,',
    );
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1'])('never starts a formula: %j', text => {
    expect(csvRecord([text]).replace(/^"/, '')).toMatch(/^'/);
  });

  test('leaves numbers alone', () => expect(csvRecord([-5, 1e15])).toBe('-5,1000000000000000'));

  test('is read back by any CSV reader', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 6 }), cells => {
        const [read] = parse(`${csvRecord(cells)}\r\n`, {
          record_delimiter: '\r\n',
          relax_column_count: true,
        });
        const plain = cells.map(cell => (/^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell));
        expect(read).toEqual(plain);
      }),
    );
  });
});

describe.each(['csv', 'json'] as const)('an export as %s', format => {
  const rows = [
    row({ first: 1, last: 1, reference: 'INV-1' }),
    row({ first: 2, last: 9, reason: '{"complete":true}' }),
  ];
  const whole = exported(format, rows);

  test('is known to be complete, in whatever pieces it is read', () => {
    for (const pieces of [1, 7, 64, 1_000])
      expect(verdictOf(whole, pieces)).toMatchObject({ complete: true, rows: 2 });
    expect(verdictOf(exported(format, []))).toMatchObject({ complete: true, rows: 0 });
  });

  test.each([
    [{ from: 11, behindLedger: false }, 'batch 11'],
    [{ from: 1, behindLedger: true }, 'seqd recover'],
    [{ from: Number.MAX_SAFE_INTEGER, behindLedger: true }, 'batch 9007199254740991'],
  ])('says itself that it does not have everything: %j', (end, says) => {
    const text = new ExportText(format);
    const bytes = Buffer.from([text.begin(), text.chunk(rows), text.end(end)].join(''));
    for (const pieces of [1, 64, 1_000])
      expect(verdictOf(bytes, pieces)).toEqual({ complete: false, reason: expect.stringContaining(says) });
    expect(verdictOf(bytes.subarray(1))).toMatchObject({ reason: expect.stringContaining('changed') });
    if (format === 'csv' && end.from === 11)
      expect(bytes.toString()).toContain('\n# complete=false from=11 rows=2 sha256=');
  });

  test('is known to be incomplete wherever it was cut off', () => {
    for (let length = 0; length < whole.length; length += 1)
      expect(verdictOf(whole.subarray(0, length)), `cut at ${length}`).toMatchObject({ complete: false });
  });

  test('is known to be changed, whichever byte was', () => {
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = changed[at]! ^ 1;
      expect(verdictOf(changed), `changed at ${at}`).not.toEqual(verdictOf(whole));
    }
  });
});
