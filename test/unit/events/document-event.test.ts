import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { EVENT_KINDS, eventOf } from '../../../src/core/document-event.ts';
import { GLOBAL_SERIES, parseAllocationId } from '../../../src/core/identifiers.ts';
import { rangesSize } from '../../../src/core/ranges.ts';
import { slicesOf } from '../../../src/events/slices.ts';
import { encodeBatch } from '../../../src/core/batch-codec.ts';
import { batch as anyBatch } from '../../kit/fact-arbitraries.ts';

const schema = z.fromJSONSchema(
  JSON.parse(readFileSync(new URL('../../../docs/event.schema.json', import.meta.url), 'utf8')) as Parameters<
    typeof z.fromJSONSchema
  >[0],
);
const place = { cluster: 'c', series: GLOBAL_SERIES };

test('every fact there can be is an event as docs/event.schema.json says', () => {
  fc.assert(
    fc.property(anyBatch, batch => {
      for (const [index, fact] of batch.facts.entries()) {
        const event = eventOf(batch, index, { ...place, revision: 7 });
        expect(schema.safeParse(JSON.parse(JSON.stringify(event))).error).toBeUndefined();
        expect(event.id).toBe(`c/default/global/all/${batch.sequence}-${index}`);
        expect(event.data.kind).toBe(fact.kind);
        expect(event.data.count).toBe(rangesSize(event.data.numbers));
        if (event.data.allocationId !== undefined)
          expect(parseAllocationId(event.data.allocationId)).toBeDefined();
      }
    }),
  );
});

test('the schema knows the kinds that there are', () => {
  const said = readFileSync(new URL('../../../docs/event.schema.json', import.meta.url), 'utf8');
  for (const kind of EVENT_KINDS) expect(said).toContain(`"seqd.${kind}.v1"`);
});

test('however batches are cut, every wanted fact from the start on is in one slice, in order', () => {
  const cuts = fc.record({
    countMax: fc.integer({ min: 1, max: 5 }),
    bytesMax: fc.integer({ min: 1, max: 3_000 }),
  });
  const wanted = fc.option(fc.subarray([...EVENT_KINDS]), { nil: undefined });
  fc.assert(
    fc.property(
      fc.array(anyBatch, { minLength: 1, maxLength: 4 }),
      cuts,
      wanted,
      fc.nat(),
      (made, limits, list, at) => {
        const batches = made.map((batch, i) => ({ ...batch, sequence: i + 1 }));
        const kinds = list === undefined ? undefined : new Set(list);
        const index = at % batches[0]!.facts.length;
        const stored = batches.map(batch => ({
          sequence: batch.sequence,
          revision: 1,
          body: encodeBatch(batch),
          branch: null,
        }));
        const slices = [...slicesOf(stored, { sequence: 1, index, since: 0 }, place, { kinds, ...limits })];
        const expected = batches.flatMap(batch =>
          batch.facts.flatMap((fact, i) =>
            (batch.sequence === 1 && i < index) || kinds?.has(fact.kind) === false
              ? []
              : [`${batch.sequence}-${i}`],
          ),
        );
        const ids = slices.flatMap(({ events }) => events.map(({ event }) => event.id.split('/').at(-1)));
        expect(ids).toEqual(expected);
        for (const { events } of slices) {
          expect(events.length).toBeLessThanOrEqual(limits.countMax);
          const bytes = events.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
          if (events.length > 1) expect(bytes).toBeLessThanOrEqual(limits.bytesMax);
        }
        expect(slices.at(-1)!.end).toMatchObject({ sequence: batches.length + 1, index: 0 });
        // The position moves forward, from slice to slice and from event to event.
        const steps = slices.flatMap(({ events, end }) => [...events.map(({ after }) => after), end]);
        const order = steps.map(({ sequence, index }) => sequence * 1_000 + index);
        expect(order).toEqual([...order].sort((a, b) => a - b));
      },
    ),
  );
});
