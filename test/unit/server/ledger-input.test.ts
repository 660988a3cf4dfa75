import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeqdError } from '../../../src/core/errors.ts';
import { decodeCursor, encodeCursor } from '../../../src/server/http/audit-cursor.ts';
import { parseAudit, parseLife, parseReport } from '../../../src/server/http/ledger-input.ts';

const SERIES = 'default/global/all';

/** What a refused question is told. */
function refusal(ask: () => unknown): string {
  try {
    ask();
  } catch (error) {
    expect(error).toBeInstanceOf(SeqdError);
    expect((error as SeqdError).code).toBe('invalid_request');
    return (error as SeqdError).message;
  }
  throw new Error('was not refused');
}

describe('a question to the ledger', () => {
  test.each([
    [{ site: 'a' }, 'did you mean siteId?'],
    [{ refrence: 'a' }, 'did you mean reference?'],
    [{ nonsense: 'a' }, 'known are siteId'],
    [{ kind: 'isue' }, 'did you mean issue?'],
    [{ kind: 'issue,nonsense' }, 'kind "nonsense" is not known'],
    [{ from: 'yesterday' }, 'from must be a date'],
    [{ from: '2026-02-30' }, 'from must be a date'],
    [{ from: '2026-01-01T00:00:00' }, 'from must be a date'],
    [{ from: '2026-02-01', to: '2026-01-01' }, 'to must be later than from'],
    [{ number: '9-3' }, 'number must be a number or a range'],
    [{ number: '0' }, 'number must be'],
    [{ number: '1-2-3' }, 'number must be'],
    [{ number: '9007199254740992' }, 'number must be'],
    [{ limit: '0' }, 'limit must be a whole number from 1 to 1000'],
    [{ limit: '1001' }, 'limit must be'],
    [{ limit: '1e2' }, 'limit must be'],
    [{ expand: 'yes' }, 'expand must be one of numbers'],
    [{ format: 'xml' }, 'format must be one of csv, json'],
    [{ order: 'newest' }, 'order must be one of asc, desc'],
    [{ sort: 'desc' }, 'did you mean order?'],
    [{ format: 'csv', cursor: 'x' }, 'cursor is for pages'],
    [{ format: 'csv', order: 'desc' }, 'order is for pages'],
    [{ reference: ['a', 'b'] }, 'reference must be one text'],
    [{ reference: '' }, 'reference must be a text'],
    [{ reference: 'a\0b' }, 'reference must be a text'],
    [{ reference: 'x'.repeat(601) }, 'reference must be a text of 1 to 600 characters'],
    [{ series: 'other' }, 'series "other" is not known; it is default/global/all'],
  ])('of the audit trail is refused: %j', (fields, says) => {
    expect(refusal(() => parseAudit(fields, SERIES))).toContain(says);
  });

  test('of the audit trail names all its mistakes at once', () => {
    const said = refusal(() => parseAudit({ limit: 'x', kind: 'y', number: 'z' }, SERIES));
    for (const field of ['limit', 'kind', 'number']) expect(said).toContain(field);
  });

  test('of the audit trail takes a date as the whole day, in UTC', () => {
    const { filter } = parseAudit(
      { from: '2026-01-31', to: '2026-01-31', kind: ['issue', 'void'], number: '4-7' },
      SERIES,
    );
    expect(filter).toEqual({
      from: Date.UTC(2026, 0, 31),
      to: Date.UTC(2026, 1, 1),
      kinds: ['issue', 'void'],
      numbers: { first: 4, last: 7 },
    });
  });

  test.each(['0', '-1', '1.5', '007', '', 'abc', '9007199254740992', '1;DROP TABLE facts'])(
    'of a number is refused: %j',
    path => expect(refusal(() => parseLife(path, {}))).toContain('the number must be a whole number'),
  );

  test.each([
    [{ from: '5', to: '4' }, 'to must not be less than from'],
    [{ from: '5', to: '2026-01-01' }, 'both be numbers, or both be times'],
    [{ at: '0' }, 'at must be a whole number'],
    [{ revision: '3' }, 'did you mean at?'],
    [{ format: 'pdf' }, 'format must be one of json, csv, html, text'],
    [{ requestedBy: 'ann\nCOMPLETE: all' }, 'without control characters'],
  ])('for a report is refused: %j', (fields, says) => {
    expect(refusal(() => parseReport(fields, SERIES))).toContain(says);
  });
});

describe('a cursor', () => {
  const point = { time: 1_700_000_000_000, sequence: 4711, index: 3, part: 0, number: 12 };
  const scope = {
    filter: { site: 'site-1', kinds: ['issue' as const] },
    expanded: false,
    order: 'asc' as const,
  };
  const cursor = encodeCursor(point, scope);

  test('leads back to its place', () => expect(decodeCursor(cursor, scope)).toEqual(point));

  test('is good for its own question only', () => {
    expect(refusal(() => decodeCursor(cursor, { ...scope, expanded: true }))).toContain('other filters');
    expect(refusal(() => decodeCursor(cursor, { ...scope, filter: {} }))).toContain('other filters');
    expect(refusal(() => decodeCursor(cursor, { ...scope, order: 'desc' }))).toContain('another order');
  });

  test('is refused when it is nothing we have made', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String(),
          fc.constantFrom(`${cursor}=`, `${cursor}A`, cursor.slice(1)),
        ),
        text => {
          fc.pre(text !== cursor);
          expect(refusal(() => decodeCursor(text, scope))).toContain('cursor');
        },
      ),
    );
  });
});
