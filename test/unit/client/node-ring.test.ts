import { describe, expect, it } from 'vitest';
import { AVOID_MS, NodeRing } from '../../../src/client/node-ring.ts';

describe('NodeRing', () => {
  it('a node that failed gets its turn again after a second', () => {
    let now = 0;
    const ring = new NodeRing(['a', 'b'], { now: () => now });
    ring.failed('a');
    expect([ring.next(), ring.next()]).toEqual(['b', 'b']);
    now = AVOID_MS;
    expect([ring.next(), ring.next()].sort()).toEqual(['a', 'b']);
  });

  it('a node that answers is no longer avoided', () => {
    const ring = new NodeRing(['a', 'b'], { now: () => 0 });
    ring.failed('a');
    ring.answered('a');
    expect([ring.next(), ring.next()]).toEqual(['a', 'b']);
  });

  it('when all have failed, another one than the last is tried', () => {
    const ring = new NodeRing(['a', 'b'], { now: () => 0 });
    ring.failed('a');
    ring.failed('b');
    expect(ring.next('a')).toBe('b');
    expect(ring.next('b')).toBe('a');
  });

  it('nodes that are out of the running get no turn, whatever has failed', () => {
    const ring = new NodeRing(['a', 'b', 'c'], { now: () => 0 });
    ring.failed('a');
    const without = new Set(['b', 'c']);
    expect([ring.next('c', without), ring.next('a', without)]).toEqual(['a', 'a']);
    expect([ring.hasFresh(without), ring.hasFresh()]).toEqual([false, true]);
    expect([ring.isWithin(without), ring.isWithin(new Set(['a', 'b', 'c']))]).toEqual([false, true]);
  });

  it('a single node is tried again', () => {
    const ring = new NodeRing(['a'], { now: () => 0 });
    ring.failed('a');
    expect(ring.next('a')).toBe('a');
  });
});
