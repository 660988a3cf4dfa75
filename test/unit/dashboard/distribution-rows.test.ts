import { describe, expect, it } from 'vitest';
import { groupingOf, rowsOf } from '../../../dashboard/js/distribution-rows.js';

const tally = (issued: number, drawn: number, released: number) => ({ issued, drawn, released, void: 0 });

describe('the distribution', () => {
  it('is by what the address names, or by site', () => {
    expect(groupingOf('type').column).toBe('byType');
    expect(groupingOf('nonsense').column).toBe('bySite');
  });

  it('keeps its rows in the order of their names, numbers in names as numbers', () => {
    const { rows } = rowsOf({ 'site-10': tally(9, 9, 0), 'site-2': tally(1, 1, 0) });
    expect(rows.map(({ name }) => name)).toEqual(['site-2', 'site-10']);
  });

  it('says issued and drawn as parts of all, released as a part of what its owner has drawn', () => {
    const { rows, sum } = rowsOf({ a: tally(30, 40, 10), b: tally(60, 60, 0) });
    expect(sum).toEqual({ issued: 90, drawn: 100, released: 10 });
    expect(rows[0]).toMatchObject({
      issued: { value: 30, text: '33.3 %' },
      drawn: { value: 40, text: '40 %', part: 0.4 },
      released: { value: 10, text: '25 %', part: 0.25 },
    });
  });

  it('has no rows, and no division by nothing, before anything is drawn', () => {
    expect(rowsOf({}).rows).toEqual([]);
    expect(rowsOf({ a: tally(0, 0, 0) }).rows[0]?.released).toEqual({ value: 0, text: '0 %', part: 0 });
  });
});
