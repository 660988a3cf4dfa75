import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../../src/core/errors.ts';
import {
  adviceFor,
  drawBody,
  HISTORY_MAX,
  releasable,
  releaseBody,
  remember,
  replyKind,
} from '../../../dashboard/js/actions-request.js';

const PLACE = { siteId: 'site-1', partitionId: 'partition-a' };
const DRAWN = { ...PLACE, invoiceType: 'on-cycle', allocationId: '4-0', reused: false };

describe('the body of a draw', () => {
  it('leaves out what is not filled in', () => {
    expect(drawBody({ ...PLACE, invoiceType: 'on-cycle', reference: '', clientId: '' })).toEqual({
      ...PLACE,
      invoiceType: 'on-cycle',
      count: 1,
    });
  });

  it('asks for one range only where there is more than one number', () => {
    const fields = { ...PLACE, invoiceType: 'on-cycle', contiguous: true };
    expect(drawBody({ ...fields, count: 1 })).not.toHaveProperty('contiguous');
    expect(drawBody({ ...fields, count: 2 })).toHaveProperty('contiguous', true);
  });
});

describe('the body of a release', () => {
  it('has the allocation when there is one', () => {
    const fields = { ...PLACE, sequenceNumber: 7, reason: 'x' };
    expect(releaseBody({ ...fields, allocationId: '' })).toEqual(fields);
    expect(releaseBody({ ...fields, allocationId: '4-0' })).toEqual({ ...fields, allocationId: '4-0' });
  });
});

describe('an answer', () => {
  it('is told apart by what it gave', () => {
    const numbers = [{ first: 3, last: 3 }];
    expect(replyKind({ ...DRAWN, numbers })).toBe('fresh');
    expect(replyKind({ ...DRAWN, reused: true, numbers })).toBe('reused');
    expect(replyKind({ ...DRAWN, preview: true, numbers })).toBe('preview');
    expect(replyKind({ ...DRAWN, numbers, released: { reason: 'suppressed', to: 'pool' } })).toBe(
      'suppressed',
    );
    expect(replyKind({ sequenceNumber: 3, releasedTo: 'pool' })).toBe('released');
    const mixed = [
      { first: 3, last: 3, reused: true },
      { first: 9, last: 9, reused: false },
    ];
    expect(replyKind({ ...DRAWN, reused: true, numbers: mixed })).toBe('mixed');
  });

  it('offers its numbers for release one after the other', () => {
    const reply = {
      ...DRAWN,
      numbers: [
        { first: 3, last: 4 },
        { first: 9, last: 9 },
      ],
    };
    expect(releasable(reply, new Set())).toMatchObject({ sequenceNumber: 3, allocationId: '4-0', ...PLACE });
    expect(releasable(reply, new Set([3, 4]))).toMatchObject({ sequenceNumber: 9 });
    expect(releasable(reply, new Set([3, 4, 9]))).toBeUndefined();
  });

  it('offers nothing for release that nobody has', () => {
    const numbers = [{ first: 3, last: 3 }];
    expect(releasable({ ...DRAWN, preview: true, numbers }, new Set())).toBeUndefined();
    const released = { reason: 'suppressed', to: 'pool' };
    expect(releasable({ ...DRAWN, numbers, released }, new Set())).toBeUndefined();
  });
});

describe('advice about a problem', () => {
  it('is there for every code, and to send it again only where that can help', () => {
    for (const [code, { retry }] of Object.entries(ERROR_CODES)) {
      const { text, again } = adviceFor({ code, retry });
      expect(text).not.toBe('');
      expect([code, again]).toEqual([code, retry !== 'never']);
    }
  });

  it('is to send it again with the same key when no node answered', () => {
    expect(adviceFor({ code: 'no_answer', retry: 'same-key' }).again).toBe(true);
  });
});

describe('the history', () => {
  it('keeps the newest replies, newest first', () => {
    let list: number[] = [];
    for (let entry = 1; entry <= HISTORY_MAX + 2; entry += 1) list = remember(list, entry);
    expect(list).toHaveLength(HISTORY_MAX);
    expect(list[0]).toBe(HISTORY_MAX + 2);
  });
});
