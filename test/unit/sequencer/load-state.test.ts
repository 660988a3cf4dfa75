import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FactOrigin } from '../../../src/core/facts.ts';
import { encodeHead } from '../../../src/core/head.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { plan } from '../../../src/core/plan.ts';
import { journalKey, planRecords } from '../../../src/core/records.ts';
import { SeriesState } from '../../../src/core/state.ts';
import { DEFAULT_WINDOW, type WindowLimits } from '../../../src/core/window.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import { loadState } from '../../../src/sequencer/load-state.ts';
import { SeriesReplica } from '../../../src/sequencer/series-replica.ts';
import { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import { ownerAt } from '../../kit/sim/scenario.ts';
import { digest, SETTINGS } from '../../kit/series-world.ts';

/** A node that commits to a store and remembers what it did. */
class Writer {
  readonly store = new MemoryStore();
  readonly state: SeriesState;

  constructor(window: WindowLimits) {
    this.state = SeriesState.empty(SETTINGS, window);
  }

  /** Draws a number for each origin, in one batch. */
  async commit(now: number, origins: readonly FactOrigin[]): Promise<void> {
    const { head } = this.state;
    const requests = origins.map(origin => ({
      command: { kind: 'issue', owner: ownerAt('north'), count: 1 } as const,
      origin,
      ...(origin.ingress === undefined ? {} : { ingressSince: head.sequence }),
    }));
    const context = { now, node: 'n', serial: 1, digest, recordsMax: 100, bytesMax: 1_000_000 };
    const made = plan(this.state, requests, context).plan!;
    const outcome = await this.store.commit({
      series: GLOBAL_SERIES,
      expectedHead: head.sequence === 0 ? null : encodeHead(head),
      ...planRecords(made),
      journalKey: journalKey(made.batch.sequence),
    });
    if (outcome.status !== 'committed') throw new Error(outcome.status);
    this.state.absorb(made.draft, outcome.revision);
  }
}

/** How often the event loop turns meanwhile. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  const meanwhile = { turns: 0, over: false };
  const turn = (): void => {
    meanwhile.turns += 1;
    if (!meanwhile.over) setImmediate(turn);
  };
  setImmediate(turn);
  await work;
  meanwhile.over = true;
  return meanwhile.turns;
}

test('a node that loads remembers exactly what a node remembers that was there', async () => {
  const batches = fc.array(
    fc.record({
      laterMs: fc.integer({ min: 0, max: 400 }),
      facts: fc.array(fc.constantFrom('plain', 'keyed', 'forwarded', 'both'), { minLength: 1, maxLength: 6 }),
    }),
    { minLength: 1, maxLength: 30 },
  );
  const limits = fc.record({
    keyAgeMsMax: fc.constantFrom(1_000, 100_000),
    keysMax: fc.constantFrom(5, 1_000),
    ingressAgeMsMax: fc.constantFrom(500, 100_000),
    ingressMax: fc.constantFrom(4, 1_000),
  });
  await fc.assert(
    fc.asyncProperty(batches, limits, async (script, window) => {
      const writer = new Writer(window);
      const origins: FactOrigin[] = [];
      let now = 1_000_000;
      for (const { laterMs, facts } of script) {
        now += laterMs;
        const made = facts.map((kind, i): FactOrigin => {
          const number = origins.length + i;
          const key = { key: `k${number}`, fingerprint: 'f' };
          const forwarded = { ingress: 'i', ingressNumber: number };
          if (kind === 'plain') return {};
          return { ...(kind === 'forwarded' ? {} : key), ...(kind === 'keyed' ? {} : forwarded) };
        });
        origins.push(...made);
        await writer.commit(now, made);
      }
      const options = { settings: SETTINGS, window, digest };
      const { state, entries } = await loadState(writer.store, GLOBAL_SERIES, options);
      expect(state.head).toEqual(writer.state.head);
      expect(state.window.ingressFloor).toBe(writer.state.window.ingressFloor);
      expect(state.window.size).toBe(writer.state.window.size);
      for (const { key, ingress, ingressNumber } of origins) {
        if (key !== undefined) expect(state.byKey(key)).toEqual(writer.state.byKey(key));
        if (ingress !== undefined)
          expect(state.byIngress(ingress, ingressNumber!)).toEqual(
            writer.state.byIngress(ingress, ingressNumber!),
          );
      }
      for (const owner of writer.state.owners())
        expect(state.tally(owner)).toEqual(writer.state.tally(owner));
      expect(entries.map(({ batch }) => batch.sequence)).toEqual(script.map((_, i) => i + 1));
    }),
    { numRuns: 200 },
  );
});

test('long loads and long catching up let the event loop turn', async () => {
  const writer = new Writer(DEFAULT_WINDOW);
  const deps = {
    store: writer.store,
    settings: SETTINGS,
    window: DEFAULT_WINDOW,
    digest,
    logger: silentLogger,
  };
  const early = new SeriesReplica(GLOBAL_SERIES, deps);
  await early.refresh();
  for (let i = 0; i < 200; i += 1)
    await writer.commit(
      1_000_000 + i,
      Array.from({ length: 500 }, (_, j) => ({ ingress: 'i', ingressNumber: i * 500 + j })),
    );
  expect(await turnsDuring(new SeriesReplica(GLOBAL_SERIES, deps).refresh())).toBeGreaterThan(20);
  expect(await turnsDuring(early.refresh())).toBeGreaterThan(40);
  expect(early.state!.head).toEqual(writer.state.head);
});
