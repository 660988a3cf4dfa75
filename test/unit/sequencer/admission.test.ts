import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SeriesId } from '../../../src/core/identifiers.ts';
import { Admission, type SeriesShare } from '../../../src/sequencer/admission.ts';

const TENANTS = 4;
const SERIES = 3;

function seriesOf(tenant: number, series: number): SeriesId {
  return { tenant: `t${tenant}`, series: `s${series}`, period: 'all' };
}

/** As many requests as are let in. */
function fill(share: SeriesShare): number {
  let count = 0;
  for (; share.refusal() === undefined; count += 1) share.enter();
  return count;
}

/** Requests that come to and leave series, as many as are let in. */
const traffic = fc.array(
  fc.record({
    tenant: fc.nat(TENANTS - 1),
    series: fc.nat(SERIES - 1),
    comes: fc.boolean(),
    count: fc.integer({ min: 1, max: 40 }),
  }),
  { maxLength: 200 },
);

test('one tenant alone may have 8/9 of the room, one series 8/9 of that', () => {
  expect(fill(new Admission(8_100).shareOf(seriesOf(0, 0)))).toBe(6_400);
  const admission = new Admission(8_100);
  for (let series = 0; series < 200; series += 1) fill(admission.shareOf(seriesOf(0, series)));
  expect(admission.waiting).toBe(7_200);
});

test('even the smallest room lets one request in', () => {
  expect(fill(new Admission(1).shareOf(seriesOf(0, 0)))).toBe(1);
});

test('a refusal says whose share is used up, what is waiting and what may', () => {
  const admission = new Admission(90);
  const [first, second] = [admission.shareOf(seriesOf(0, 0)), admission.shareOf(seriesOf(0, 1))];
  fill(first);
  expect(first.refusal()).toEqual({ scope: 'series', waiting: 72, waitingMax: 72 });
  fill(second);
  for (let series = 2; series < 20; series += 1) fill(admission.shareOf(seriesOf(0, series)));
  const newcomer = admission.shareOf(seriesOf(0, 20));
  expect(newcomer.refusal()).toEqual({ scope: 'tenant', waiting: 80, waitingMax: 80 });
  const others = Array.from({ length: 40 }, (_, i) => admission.shareOf(seriesOf(1 + i, 0)));
  for (const other of others) fill(other);
  expect(admission.waiting).toBe(90);
  expect(admission.shareOf(seriesOf(99, 0)).refusal()).toEqual({
    scope: 'node',
    waiting: 90,
    waitingMax: 90,
  });
});

test('what others hold shrinks what one may hold, and what they give back is there again', () => {
  const admission = new Admission(900);
  const [first, second] = [admission.shareOf(seriesOf(0, 0)), admission.shareOf(seriesOf(1, 0))];
  const alone = fill(first);
  const held = fill(second);
  expect(held).toBeGreaterThan(100);
  expect(first.refusal()).toBeDefined();
  // As it answers its requests it is let in again only below what it may have now.
  for (let i = 0; i < alone / 4; i += 1) first.leave();
  const more = fill(second);
  expect(more).toBeGreaterThan(0);
  for (let i = 0; i < held + more; i += 1) second.leave();
  fill(first);
  expect(admission.waiting).toBe(alone);
});

test('whatever comes and goes, the bound holds, nobody has more than its share, and newcomers find room', () => {
  fc.assert(
    fc.property(fc.integer({ min: 9, max: 300 }), traffic, (requestsMax, events) => {
      const admission = new Admission(requestsMax);
      const shares = new Map<string, { share: SeriesShare; held: number; tenant: number }>();
      for (const { tenant, series, comes, count } of events) {
        const name = `${tenant}/${series}`;
        const one = shares.get(name) ?? {
          share: admission.shareOf(seriesOf(tenant, series)),
          held: 0,
          tenant,
        };
        shares.set(name, one);
        for (let i = 0; i < count; i += 1) {
          if (comes) {
            if (one.share.refusal() !== undefined) break;
            one.share.enter();
            one.held += 1;
            const ofTenant = [...shares.values()].filter(other => other.tenant === tenant);
            const held = ofTenant.reduce((sum, other) => sum + other.held, 0);
            // Before it came in there was more than an eighth of it free.
            expect(held - 1).toBeLessThan(8 * (requestsMax - (admission.waiting - 1)));
          } else if (one.held > 0) {
            one.share.leave();
            one.held -= 1;
          }
        }
        const holders = [...shares.values()].filter(({ held }) => held > 0);
        expect(admission.waiting).toBe(holders.reduce((sum, { held }) => sum + held, 0));
        expect(admission.waiting).toBeLessThanOrEqual(requestsMax);
        expect(admission.tenantsWaiting).toBe(new Set(holders.map(holder => holder.tenant)).size);
        // Fewer tenants than there are rests of the room.
        if (requestsMax > 9 * TENANTS)
          expect(admission.shareOf({ tenant: 'new', series: 's', period: 'all' }).refusal()).toBeUndefined();
      }
    }),
  );
});

test('two series of a tenant that were idle in turns count together', () => {
  const admission = new Admission(90);
  const [first, second] = [admission.shareOf(seriesOf(0, 0)), admission.shareOf(seriesOf(0, 1))];
  first.enter();
  first.leave();
  second.enter();
  first.enter();
  second.leave();
  first.leave();
  expect(admission.tenantsWaiting).toBe(0);
  expect(admission.waiting).toBe(0);
});
