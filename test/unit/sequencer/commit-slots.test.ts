import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CommitSlot, CommitSlots, type SlotClaim } from '../../../src/sequencer/commit-slots.ts';
import { VirtualTime } from '../../kit/sim/virtual-time.ts';

/** A series that always wants one more commit. */
class Busy {
  readonly held: CommitSlot[] = [];
  readonly claim: SlotClaim;
  taken = 0;

  constructor(slots: CommitSlots, tenant: string, series: string, onTaken: (busy: Busy) => void = () => {}) {
    this.claim = slots.claimFor({ tenant, series, period: 'all' }, () => this.take(onTaken));
  }

  take(onTaken: (busy: Busy) => void = () => {}): void {
    for (let slot = this.claim.tryTake(); slot !== undefined; slot = this.claim.tryTake()) {
      this.held.push(slot);
      this.taken += 1;
      onTaken(this);
    }
  }
}

function withSlots(
  slotsMax: number,
  scene: (slots: CommitSlots, time: VirtualTime) => Promise<void>,
): Promise<void> {
  const time = new VirtualTime();
  return time.run(async () => {
    const clock = { now: () => 0, monotonicMs: () => time.nowMs };
    await scene(new CommitSlots(slotsMax, clock), time);
  });
}

test('slots are given out at once while there are any, and never more', () =>
  withSlots(3, async slots => {
    const one = new Busy(slots, 't', 'a');
    one.take();
    expect(one.taken).toBe(3);
    expect(slots).toMatchObject({ underWay: 3, waiting: 1 });
    one.claim.close();
    expect(slots.waiting).toBe(0);
  }));

test('a slot is given back once, however often that is said', () =>
  withSlots(1, async slots => {
    const claim = slots.claimFor({ tenant: 't', series: 'a', period: 'all' }, () => {});
    const slot = claim.tryTake()!;
    slot.release();
    slot.release();
    expect(claim.tryTake()).toBeDefined();
    expect(claim.tryTake()).toBeUndefined();
    claim.close();
  }));

test('who lets its turn pass does not hold up those behind', () =>
  withSlots(1, async (slots, time) => {
    const holder = slots.claimFor({ tenant: 'x', series: 'x', period: 'all' }, () => {}).tryTake()!;
    let turns = 0;
    const idle = slots.claimFor({ tenant: 'a', series: 'a', period: 'all' }, () => (turns += 1));
    expect(idle.tryTake()).toBeUndefined();
    const busy = new Busy(slots, 'b', 'b');
    busy.take();
    holder.release();
    await time.sleep(1);
    expect({ turns, taken: busy.taken }).toEqual({ turns: 1, taken: 1 });
    busy.claim.close();
  }));

test('of a hundred series of one tenant and one of another, each tenant gets every other turn', () =>
  withSlots(4, async (slots, time) => {
    const taken: Busy[] = [];
    const note = (busy: Busy): number => taken.push(busy);
    const many = Array.from({ length: 100 }, (_, i) => new Busy(slots, 'many', `s${i}`, note));
    const single = new Busy(slots, 'single', 's', note);
    for (const busy of [...many, single]) busy.take(note);
    for (let i = 0; i < 200; i += 1) {
      taken.shift()!.held.shift()!.release();
      await time.sleep(1);
    }
    expect(single.taken).toBeGreaterThanOrEqual(98);
    for (const busy of [...many, single]) busy.claim.close();
  }));

test('who keeps asking gets a slot within as many grants as there are tenants times its tenant has series', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(), { minLength: 50, maxLength: 150 }),
      (slotsMax, sizes, order) =>
        withSlots(slotsMax, async (slots, time) => {
          let grants = 0;
          const last = new Map<Busy, number>();
          const holders: Busy[] = [];
          const all = sizes.flatMap((size, tenant) =>
            Array.from({ length: size }, (_, i) => {
              const note = (busy: Busy): void => {
                grants += 1;
                const waited = grants - last.get(busy)!;
                // Those under way when it began to wait count as well.
                if (grants > slotsMax) expect(waited).toBeLessThanOrEqual(sizes.length * size + slotsMax);
                last.set(busy, grants);
                holders.push(busy);
              };
              const busy = new Busy(slots, `t${tenant}`, `s${i}`, note);
              last.set(busy, 0);
              return { busy, note };
            }),
          );
          for (const { busy, note } of all) busy.take(note);
          for (const pick of order) {
            const [holder] = holders.splice(pick % holders.length, 1);
            holder!.held.shift()!.release();
            expect(slots.underWay).toBeLessThanOrEqual(slotsMax);
            await time.sleep(1);
          }
          expect(grants).toBe(slotsMax + order.length);
          for (const { busy } of all) busy.claim.close();
          expect(slots.waiting).toBe(0);
        }),
    ),
  ));

test('slots held for a second no longer count, up to as many again, and come back when they are released', () =>
  withSlots(2, async (slots, time) => {
    const stuck = new Busy(slots, 'a', 'stuck');
    stuck.take();
    stuck.claim.close();
    const other = new Busy(slots, 'b', 'other');
    other.take();
    await time.sleep(990);
    expect(other.taken).toBe(0);
    await time.sleep(20);
    expect(other.taken).toBe(2);
    await time.sleep(5_000);
    expect(other.taken).toBe(2);
    expect(slots.underWay).toBe(4);
    stuck.held[0]!.release();
    await time.sleep(10);
    expect(other.taken).toBe(3);
    other.claim.close();
    for (const slot of [...stuck.held, ...other.held]) slot.release();
    expect(slots).toMatchObject({ underWay: 0, waiting: 0 });
    expect(time.pending).toBe(0);
  }));

test('two series never take slots in the same turn of the event loop, one alone takes what it needs', () =>
  withSlots(8, async slots => {
    const claims = ['a', 'b', 'c'].map(series => {
      let taken = 0;
      const claim = slots.claimFor({ tenant: series, series, period: 'all' }, () => take());
      const take = (): void => void (claim.tryTake() === undefined || (taken += 1));
      return { take, close: () => claim.close(), taken: () => taken };
    });
    const taken = (): number[] => claims.map(claim => claim.taken());
    claims[0]!.take();
    claims[0]!.take();
    claims[1]!.take();
    claims[2]!.take();
    expect(taken()).toEqual([2, 0, 0]);
    const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
    await turn();
    expect(taken()).toEqual([2, 1, 0]);
    await turn();
    expect(taken()).toEqual([2, 1, 1]);
    for (const claim of claims) claim.close();
  }));
