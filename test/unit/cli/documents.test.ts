import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/cli/replay/documents.ts';

const HEADER = 'invoice_no,invoiced_at,country,line_count,amount_gbp';
const GOOD = '536365,2010-12-01T08:26:00,United Kingdom,7,139.12';

const mistakesOf = (...lines: string[]): string[] =>
  parseDocuments(lines.join('\n')).mistakes.map(({ line, message }) => `${line}: ${message}`);

describe('parseDocuments', () => {
  it('reads invoices and cancellations', () => {
    const { documents, mistakes } = parseDocuments(
      [HEADER, GOOD, 'C536379,2010-12-01T09:41:00,"Spain, south",1,-27.50', ''].join('\r\n'),
    );
    expect(mistakes).toEqual([]);
    expect(documents).toMatchObject([
      {
        invoiceNo: '536365',
        country: 'United Kingdom',
        lineCount: 7,
        amountGbp: 139.12,
        cancellation: false,
      },
      { invoiceNo: 'C536379', country: 'Spain, south', amountGbp: -27.5, cancellation: true },
    ]);
  });

  it('takes the columns in any order, after a byte order mark', () => {
    const { documents } = parseDocuments(
      '\ufeffcountry,invoice_no,invoiced_at,amount_gbp,line_count\nFrance,1,2010-12-01T08:26:00,1.00,2\n',
    );
    expect(documents).toMatchObject([{ invoiceNo: '1', country: 'France', lineCount: 2 }]);
  });

  it('refuses a header that lacks columns or has others', () => {
    expect(mistakesOf('invoice_no,invoiced_at,land,line_count', GOOD)).toEqual([
      '1: missing columns: country, amount_gbp',
      '1: unknown columns: land',
    ]);
    expect(mistakesOf('')).toEqual([expect.stringContaining('the file is empty')]);
  });

  it('names every mistake of every row with its line', () => {
    const mistakes = mistakesOf(
      HEADER,
      GOOD,
      'x1,2010-02-30T08:26:00,,0,a lot',
      '',
      '536366,2010-12-01T08:28:00,France,2',
    );
    expect(mistakes.map(mistake => mistake.slice(0, 16))).toEqual([
      '3: invoice_no mu',
      '3: invoiced_at m',
      '3: country must ',
      '3: line_count mu',
      '3: amount_gbp mu',
      '5: expected 5 fi',
    ]);
  });

  it('refuses an invoice number used twice, since both would get the same key', () => {
    expect(mistakesOf(HEADER, GOOD, GOOD)).toEqual(['3: invoice_no 536365 was used on line 2 already']);
  });

  it('reports a quote that is never closed', () => {
    expect(mistakesOf(HEADER, '1,"2010')).toEqual([expect.stringMatching(/^2: Quote/)]);
  });
});

it('the sample that is shipped has no mistake, and is as the README says', () => {
  const sample = readFileSync(new URL('../../../scripts/sample-invoices.csv', import.meta.url), 'utf8');
  const { documents, mistakes } = parseDocuments(sample);
  expect(mistakes).toEqual([]);
  expect([documents.length, documents.filter(document => document.cancellation).length]).toEqual([40, 5]);
});
