import { describe, expect, it } from 'vitest';
import { FACT_KINDS } from '../../../src/ledger/audit/audit-filter.ts';
import { AUDIT_COLUMNS } from '../../../src/ledger/audit/audit-row.ts';
import { parseAudit } from '../../../src/server/http/ledger-input.ts';
import { auditCommand } from '../../../dashboard/js/actions-command.js';
import {
  AUDIT_HEADINGS,
  AUDIT_KINDS,
  auditCells,
  auditExportPath,
  auditFilters,
  auditLink,
  auditMistake,
  auditPagePath,
  auditReach,
  plainRange,
} from '../../../dashboard/js/audit-query.js';

const FILTERS = {
  number: '4711-4720',
  kind: 'release',
  siteId: 'site-1',
  reference: 'a&b=c #7',
  from: '2026-01-31T08:00:00.000Z',
};

const fieldsOf = (path: string) => Object.fromEntries(new URL(path, 'http://x').searchParams);

describe('a question for the audit trail', () => {
  it('is one that the API understands', () => {
    const { filter, limit } = parseAudit(fieldsOf(auditPagePath(FILTERS, null)), 'default/global/all');
    expect(limit).toBe(50);
    expect(filter).toEqual({
      numbers: { first: 4711, last: 4720 },
      kinds: ['release'],
      site: 'site-1',
      reference: 'a&b=c #7',
      from: Date.parse('2026-01-31T08:00:00Z'),
    });
  });

  it('goes on where the page before has ended', () => {
    expect(fieldsOf(auditPagePath({}, 'abc'))).toEqual({ order: 'desc', limit: '50', cursor: 'abc' });
  });

  it('has the newest first, unless its link says otherwise; a file is in the order of the journal', () => {
    const orderOf = (link: string, path = auditPagePath(auditFilters(link), null)) =>
      parseAudit(fieldsOf(path), 'default/global/all').order;
    expect(['', 'number=4', 'order=asc', 'order=desc', 'order=x'].map(link => orderOf(link))).toEqual([
      'desc',
      'desc',
      'asc',
      'desc',
      'desc',
    ]);
    expect(auditLink(auditFilters('order=asc'))).toBe('order=asc');
    expect(fieldsOf(auditExportPath({ order: 'asc' }, 'csv'))).toEqual({ format: 'csv' });
    expect(auditCommand({}, { origin: 'http://x' })).toContain('--newest-first');
  });

  it('as an export has the same filters and no pages', () => {
    const { filter, format } = parseAudit(fieldsOf(auditExportPath(FILTERS, 'csv')), 'default/global/all');
    expect(format).toBe('csv');
    expect(filter.site).toBe('site-1');
    expect(auditExportPath({}, 'json')).toBe('/api/v1/audit?format=json');
  });

  it('comes back from its link as it was', () => {
    expect(auditFilters(auditLink(FILTERS))).toEqual(FILTERS);
    expect(auditLink({ number: ' ', kind: '' })).toBe('');
    expect(auditFilters('number=4&cursor=x&nonsense=1')).toEqual({ number: '4' });
    expect(auditFilters(undefined)).toEqual({});
  });

  it('offers every kind there is', () => {
    expect(new Set(AUDIT_KINDS.slice(1))).toEqual(new Set(FACT_KINDS));
  });

  it('that would be refused is caught before it is sent', () => {
    for (const number of ['x', '0', '9-4', '1-2-3', '-4'])
      expect(auditMistake({ number })).toHaveProperty('field', 'number');
    expect(auditMistake({ number: '4 – 9' })).toBeUndefined();
    expect(plainRange('4 – 9')).toBe('4-9');
    expect(auditMistake({ from: '2026-02-01', to: '2026-01-01' })).toHaveProperty('field', 'to');
    expect(auditMistake({})).toBeUndefined();
  });
});

describe('a row', () => {
  const row = {
    ...Object.fromEntries(AUDIT_COLUMNS.map(name => [name, null])),
    position: '4-0',
    event: 'issued',
    first: 3,
    last: 5,
    facts: 1,
    at: '2026-11-21T09:31:42.807Z',
    siteId: 'site-1',
    partitionId: 'partition-a',
    node: 'n/1',
    revision: 7,
  };

  it('has a cell for each heading', () => {
    expect(auditCells(row).cells).toHaveLength(AUDIT_HEADINGS.length);
    expect(auditCells(row)).toMatchObject({ numbers: '3–5', number: 3, event: 'issued' });
  });

  it('says that a run is about one number each', () => {
    expect(auditCells({ ...row, facts: 3 }).numbers).toBe('3–5 one each');
  });

  it('says where numbers went', () => {
    expect(auditCells({ ...row, event: 'released', releasedTo: 'pool' }).event).toBe('released to pool');
    expect(auditCells({ ...row, releasedTo: 'pool' }).event).toBe('issued, back to pool');
  });
});

describe('how far an answer reaches', () => {
  const page = { complete: true, ledger: { batch: 7 }, journal: { batch: 9 } };

  it('is told with its sources', () => {
    expect(auditReach(page)).toEqual({
      tone: 'good',
      text: 'From the ledger up to batch 7, and etcd’s journal up to batch 9. Complete.',
    });
  });

  it('without a ledger is as far as the journal goes back', () => {
    const { tone, text } = auditReach({ ...page, complete: false, from: 5, ledger: null });
    expect(tone).toBe('warn');
    expect(text).toContain('No ledger');
    expect(text).toContain('batch 5');
  });
});
