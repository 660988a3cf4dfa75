import fc from 'fast-check';
import type { Fact } from '../../src/core/facts.ts';
import type { NumberRange } from '../../src/core/ranges.ts';

/** Anything a client may say. */
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const name = fc.stringMatching(/^[a-z0-9._-]{1,12}$/);
const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 10_000 });
/** Who a number was issued to. */
export const owner = fc.record({ site: name, partition: name, type: name });
/** A place in the journal. */
export const position = fc.record({ sequence: fc.integer({ min: 1, max: 1e9 }), index: fc.nat(5000) });
const range = fc
  .tuple(number, fc.nat(5000))
  .map(([first, length]): NumberRange => ({ first, last: first + length }));
const drawn = { owner, fresh: fc.option(range, { nil: null }), reused: fc.array(range, { maxLength: 3 }) };
const target = fc.constantFrom('pool', 'void');
// A key comes with its fingerprint, and an ingress with its number, or neither does.
const origin = fc
  .tuple(
    fc.option(fc.record({ key: text, fingerprint: text }), { nil: {} }),
    fc.option(fc.record({ ingress: name, ingressNumber: fc.nat() }), { nil: {} }),
    fc.record({ client: text, trace: text, reference: text }, { requiredKeys: [] }),
  )
  .map(([repeatable, forwarded, rest]) => ({ ...repeatable, ...forwarded, ...rest }));

const fact = fc
  .tuple(
    fc.oneof(
      fc.record({ kind: fc.constant('issue'), ...drawn }),
      fc.record({
        kind: fc.constant('issue'),
        ...drawn,
        suppressed: fc.record({ reason: text, to: target }),
      }),
      fc.record({ kind: fc.constant('block'), ...drawn }),
      fc.record({ kind: fc.constant('reserve'), ...drawn, deadline: fc.nat() }),
      fc.record({ kind: fc.constant('confirm'), ...drawn, reservation: position }),
      fc.record({ kind: fc.constantFrom('cancel', 'expire'), ...drawn, reservation: position, to: target }),
      fc.record({
        kind: fc.constant('release'),
        number,
        allocation: position,
        owner,
        reason: text,
        to: target,
      }),
      fc.record({
        kind: fc.constant('void'),
        number,
        allocation: position,
        owner,
        reason: text,
        actor: text,
      }),
      range.map(skipped => ({ kind: 'raise', next: skipped.last + 1, skipped, reason: 'r', actor: 'a' })),
      fc.tuple(range, fc.nat(100), text, target).map(([imported, before, source, gapsTo]) => ({
        kind: 'raise',
        next: imported.last + 1,
        skipped:
          before === 0 ? null : { first: Math.max(1, imported.first - before), last: imported.first - 1 },
        reason: 'r',
        actor: 'a',
        imported: { first: imported.first, source, gapsTo },
      })),
      fc.tuple(range, text, target).map(([{ first, last }, source, to]) => ({
        kind: 'adopt',
        first,
        last,
        gaps:
          last - first < 4
            ? []
            : [
                { first: first + 1, last: first + 2 },
                { first: last, last },
              ],
        to,
        source,
        reason: 'r',
        actor: 'a',
      })),
      fc.option(range, { nil: null }).map(one => ({
        kind: 'retire',
        ranges: one === null ? [] : [one, { first: one.last + 2, last: one.last + 3 }],
        reason: 'r',
        actor: 'a',
      })),
    ),
    origin,
  )
  .map(([body, from]) => ({ ...body, ...from }) as Fact);

/** A journal entry's batch; each fact by itself is possible, their history need not be. */
export const batch = fc.record({
  sequence: fc.integer({ min: 1 }),
  previous: name,
  time: fc.nat(),
  node: name,
  serial: fc.nat(),
  next: number,
  facts: fc.array(fact, { minLength: 1, maxLength: 8 }),
});
