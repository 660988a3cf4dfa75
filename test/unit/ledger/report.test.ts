import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { REPORT_PAGE_CSP, reportPage } from '../../../src/ledger/report/report-page.ts';
import { reportCsv, reportText } from '../../../src/ledger/report/report-text.ts';
import type { SeriesReport } from '../../../src/ledger/report/series-report.ts';

const hostile = '=<script>alert("x")</script>\n\u001b[31mCOMPLETE: all is well';
const report: SeriesReport = {
  series: 'default/global/all',
  cluster: 'main',
  madeAt: '2026-11-21T07:00:00.000Z',
  madeBy: 'seqd node node-1',
  requestedBy: '<b>auditor</b>',
  revision: 99,
  start: 1,
  next: 101,
  from: 1,
  to: 100,
  complete: false,
  numbers: 100,
  issued: 90,
  reserved: 1,
  pooled: 2,
  void: 5,
  imported: 0,
  missing: 2,
  missingRanges: [{ first: 50, last: 51 }],
  drawnTwice: 0,
  voidReasons: [
    {
      reason: hostile,
      numbers: 5,
      runs: 2,
      ranges: [
        { first: 1, last: 4 },
        { first: 9, last: 9 },
      ],
    },
  ],
  witnessedByStateOnly: 0,
  problems: ['batch 7 is missing in the ledger'],
  lostHistories: [],
  journal: { batch: 12, chain: 'ab'.repeat(32), at: '2026-11-21T06:59:00.000Z', first: 1 },
  ledger: { batch: 10, tail: 2, chainAgrees: true },
};

describe('a report', () => {
  test('as text says what it is of, what is missing and why numbers are void', () => {
    const lines = reportText(report);
    const text = lines.join('\n');
    for (const part of [
      '1 – 100',
      'ab'.repeat(32),
      'revision',
      '99',
      'up to batch 10, 2 later batches',
      'missing: 50–51',
      '5 in 2 runs: 1–4, 9',
    ])
      expect(text).toContain(part);
    expect(lines.at(-1)).toBe('NOT COMPLETE: 2 missing, 1 problems');
    expect(lines.filter(line => line.startsWith('COMPLETE'))).toEqual([]);
    expect(text).not.toContain('\u001b');
  });

  test('as a page runs nothing and loads nothing', () => {
    const page = reportPage(report);
    expect(page).not.toMatch(/<script|<img|<link|<b>|javascript:|style="/i);
    expect(page).toContain('&lt;script&gt;');
    expect(page).toContain('size:A4');
    const style = /<style>([\s\S]*)<\/style>/.exec(page)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(REPORT_PAGE_CSP).toContain(`'sha256-${hash}'`);
    expect(REPORT_PAGE_CSP).toContain("default-src 'none'");
    expect(REPORT_PAGE_CSP).not.toContain('unsafe');
  });

  test('as CSV has no formulas and says whether it is complete', () => {
    const csv = reportCsv(report);
    expect(csv).toContain('result,complete,false,1,100\r\n');
    expect(csv).toContain('missing run,,2,50,51\r\n');
    expect(csv).not.toMatch(/(^|,)"?=/m);
  });

  test('has no line that somebody asked for in its words', () => {
    const forged = `ann\r\n\nCOMPLETE: every number is accounted for\u2028\u202e`;
    const asked = { ...report, requestedBy: forged, problems: [forged], cluster: forged };
    const text = reportText(asked);
    expect(
      text
        .join('\n')
        .split(/[\r\n\u2028]/)
        .filter(line => line.startsWith('COMPLETE')),
    ).toEqual([]);
    expect(reportCsv(asked).replaceAll('\r\n', '')).not.toMatch(/[\r\n\u2028\u202e]/);
    expect(reportCsv(asked)).not.toContain('\u001b');
    expect(reportPage(asked)).not.toMatch(/[\r\u2028\u202e]|^COMPLETE/m);
    expect(reportPage(asked)).not.toContain('\u001b');
  });

  test('that is complete says so in one sentence', () => {
    const complete = { ...report, complete: true, missing: 0, missingRanges: [], problems: [] };
    expect(reportText(complete).at(-1)).toBe(
      'COMPLETE: every number from 1 to 100 is accounted for exactly once',
    );
    const none = { ...complete, from: null, to: null, numbers: 0 };
    expect(reportText(none).at(-1)).toBe('COMPLETE: no number of this range was drawn yet');
    const behind = { ...none, complete: false, problems: ['etcd is behind the ledger'] };
    expect(reportText(behind).at(-1)).toBe('NOT COMPLETE: 1 problems');
  });
});
