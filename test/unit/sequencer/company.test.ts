import { expect, test } from 'vitest';
import { Company } from '../../../src/sequencer/company.ts';

/** A crowd of three nodes' clients, of which one node's were answered at 0 ms. */
function crowdOf(unanswered: number, { forwarded }: { forwarded: boolean }): Company {
  const company = new Company();
  company.joined(unanswered);
  company.answered(0, forwarded);
  return company;
}

test('nobody is expected before there was an answer', () => {
  const company = new Company();
  company.joined(2);
  expect(company.worthMs(0, 1)).toBe(0);
});

test('a lone client that comes back through another node waits for nobody', () => {
  expect(crowdOf(1, { forwarded: true }).worthMs(1, 1)).toBe(0);
});

test('those who come back first wait for the others, until all are there', () => {
  const company = crowdOf(64, { forwarded: true });
  expect(company.worthMs(1, 21)).toBe(3);
  expect(company.worthMs(2, 43)).toBe(2);
  expect(company.worthMs(2.5, 64)).toBe(0);
});

test('our own clients come back within turns of the event loop, so nobody waits for them here', () => {
  expect(crowdOf(64, { forwarded: false }).worthMs(1, 21)).toBe(0);
});

test('who comes long after the answer waits for nobody', () => {
  expect(crowdOf(64, { forwarded: true }).worthMs(4, 1)).toBe(0);
});

test('those who were expected in vain are expected no more', () => {
  const company = crowdOf(64, { forwarded: true });
  expect(company.worthMs(1, 21)).toBe(3);
  expect(company.worthMs(4, 22)).toBe(0);
  company.answered(10, true);
  expect(company.worthMs(11, 22)).toBe(0);
  company.joined(30);
  company.answered(20, true);
  expect(company.worthMs(21, 22)).toBe(3);
});
