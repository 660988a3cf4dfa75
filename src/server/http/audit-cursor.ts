import { hash } from 'node:crypto';
import { SeqdError } from '../../core/errors.ts';
import type { AuditPoint } from '../../ledger/audit/row-page.ts';
import type { AuditFilter, AuditOrder } from '../../ports/ledger-reader.ts';

const CURSOR = /^v1\.(\d{1,16})\.(\d{1,16})\.(\d{1,10})\.(\d{1,6})\.(\d{1,16})\.([\w-]{12})$/;

/** What a cursor belongs to: the same filter, shown in the same way and order. */
export interface CursorScope {
  readonly filter: AuditFilter;
  readonly expanded: boolean;
  readonly order: AuditOrder;
}

/** Where to go on, as a client carries it: opaque, and good for this question only. */
export function encodeCursor(
  { time, sequence, index, part, number }: AuditPoint,
  scope: CursorScope,
): string {
  const text = ['v1', time, sequence, index, part, number, scopeHash(scope)].join('.');
  return Buffer.from(text).toString('base64url');
}

/** The reverse of {@link encodeCursor}. @throws SeqdError `invalid_request` for anything else, and for one of another question */
export function decodeCursor(cursor: string, scope: CursorScope): AuditPoint {
  const match = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  const [time, sequence, index, part, number] = (match ?? []).slice(1, 6).map(Number);
  // Buffer is lenient; a cursor is only what we would have made.
  const point = { time: time!, sequence: sequence!, index: index!, part: part!, number: number! };
  if (match === null || !Object.values(point).every(Number.isSafeInteger) || index! >= 2 ** 31)
    throw invalid('cursor must be the "next" of an earlier page');
  if (match[6] !== scopeHash(scope))
    throw invalid(
      'cursor belongs to a question with other filters, or in another order; ask with the same ones, or without a cursor',
    );
  if (encodeCursor(point, scope) !== cursor) throw invalid('cursor must be the "next" of an earlier page');
  return point;
}

function scopeHash({ filter, expanded, order }: CursorScope): string {
  const entries = Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1));
  return hash('sha256', JSON.stringify([entries, expanded, order]), 'base64url').slice(0, 12);
}

function invalid(detail: string): SeqdError {
  return new SeqdError('invalid_request', detail, {
    details: { errors: [{ field: 'cursor', code: 'invalid_request', detail }] },
  });
}
