import { describe, expect, it } from 'vitest';
import { planReplay, prefixOf } from '../../../src/cli/replay/plan.ts';
import { createPlacement } from '../../../src/cli/replay/places.ts';

const SITES = [
  { id: 'site-1', partitions: ['partition-a', 'partition-b'] },
  { id: 'site-2', partitions: ['partition-a', 'partition-b'] },
];
const COUNTRIES = [
  'United Kingdom',
  'Germany',
  'France',
  'EIRE',
  'Belgium',
  'Spain',
  'Japan',
  'Norway',
  'Israel',
  'USA',
];
const VOCABULARY = {
  sites: SITES,
  invoiceTypes: { 'on-cycle': 'issue', 'off-cycle': 'issue', suppressed: 'suppress' },
  countMax: 10,
};
const DOCUMENT = { invoicedAt: '', country: 'France', lineCount: 1, amountGbp: 1 };

describe('a country', () => {
  it('has the same place on every machine, today and later', () => {
    const placeOf = createPlacement(SITES);
    expect(COUNTRIES.map(country => Object.values(placeOf(country)).join('/'))).toMatchInlineSnapshot(`
      [
        "site-1/partition-a",
        "site-2/partition-a",
        "site-1/partition-a",
        "site-1/partition-a",
        "site-1/partition-a",
        "site-2/partition-b",
        "site-2/partition-a",
        "site-2/partition-b",
        "site-1/partition-b",
        "site-2/partition-b",
      ]
    `);
  });

  it('has the same place in whatever order sites and partitions are configured', () => {
    const reordered = SITES.map(({ id, partitions }) => ({
      id,
      partitions: partitions.toReversed(),
    })).toReversed();
    expect(COUNTRIES.map(createPlacement(reordered))).toEqual(COUNTRIES.map(createPlacement(SITES)));
  });

  it('stays where it is when a site is added, or moves to that', () => {
    const placeOf = createPlacement(SITES);
    const later = createPlacement([...SITES, { id: 'site-3', partitions: ['partition-a'] }]);
    for (const country of COUNTRIES) {
      if (later(country).siteId !== 'site-3') expect(later(country)).toEqual(placeOf(country));
    }
  });
});

describe('planReplay', () => {
  it('an invoice is on-cycle, a cancellation suppressed, and both refer to the retailer', () => {
    const tasks = planReplay(
      [
        { ...DOCUMENT, invoiceNo: '1', cancellation: false },
        { ...DOCUMENT, invoiceNo: 'C2', cancellation: true },
      ],
      { vocabulary: VOCABULARY, prefix: 'p' },
    );
    expect(tasks).toMatchObject([
      { key: 'p:1', input: { invoiceType: 'on-cycle', reference: '1' } },
      { key: 'p:C2', input: { invoiceType: 'suppressed', reference: 'C2' } },
    ]);
  });

  it('other names are found by what they do', () => {
    const vocabulary = { ...VOCABULARY, invoiceTypes: { sale: 'issue', undo: 'suppress' } };
    const [task] = planReplay([{ ...DOCUMENT, invoiceNo: '1', cancellation: false }], {
      vocabulary,
      prefix: 'p',
    });
    expect(task!.input.invoiceType).toBe('sale');
  });

  it('a server without a suppressing type is refused', () => {
    const vocabulary = { ...VOCABULARY, invoiceTypes: { 'on-cycle': 'issue' } };
    expect(() => planReplay([], { vocabulary, prefix: 'p' })).toThrow(/suppress/);
  });
});

describe('prefixOf', () => {
  it('is the base name of the file, fit for a header', () => {
    expect(prefixOf(undefined, '/data/märz 2011.csv')).toBe('m%C3%A4rz%202011.csv');
    expect(prefixOf('run-1', '/data/x.csv')).toBe('run-1');
  });

  it('refuses one that leaves no room for the invoice number', () => {
    expect(() => prefixOf('x'.repeat(161), 'f')).toThrow(/--prefix/);
    expect(() => prefixOf('', 'f')).toThrow(/--prefix/);
  });
});
