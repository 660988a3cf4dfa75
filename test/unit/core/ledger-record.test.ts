import { expect, test } from 'vitest';
import {
  decodeLedgerRecord,
  encodeLedgerRecord,
  type LedgerRecord,
} from '../../../src/core/ledger-record.ts';

const RECORD: LedgerRecord = { sequence: 7, chain: 'ab', time: 12, node: 'n1', problem: null, detail: '' };

test.each([RECORD, { ...RECORD, problem: 'unavailable' as const, detail: 'it is down' }])(
  'a record of the ledger position reads as it was written: %j',
  record => {
    expect(decodeLedgerRecord(encodeLedgerRecord(record))).toEqual(record);
  },
);

test('one of a newer format is not guessed at', () => {
  const newer = encodeLedgerRecord(RECORD).replace('"f":1', '"f":2');
  expect(() => decodeLedgerRecord(newer)).toThrow(expect.objectContaining({ code: 'unsupported_format' }));
  expect(() => decodeLedgerRecord('no JSON')).toThrow(
    expect.objectContaining({ code: 'invariant_violated' }),
  );
});
