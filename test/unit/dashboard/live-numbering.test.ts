import { describe, expect, test } from 'vitest';
import { createNumbering } from '../../../dashboard/js/live-numbering.js';
import { deltaOf, helloOf, snapshotOf } from '../../kit/live-frames.ts';

const heartbeat = (seq: number) => ({ type: 'heartbeat', seq, at: 0 }) as const;

function following(seq: number) {
  const numbering = createNumbering();
  numbering.judge(helloOf({ seq }));
  numbering.judge(snapshotOf({ seq }));
  return numbering;
}

describe('the numbering of frames', () => {
  test('takes deltas in their order after the snapshot', () => {
    const numbering = following(7);
    expect(numbering.judge(deltaOf(8))).toBe('apply');
    expect(numbering.judge(deltaOf(9))).toBe('apply');
  });

  test('has nothing to build on before the snapshot', () => {
    const numbering = createNumbering();
    expect(numbering.judge(snapshotOf())).toBe('ignore');
    numbering.judge(helloOf({ seq: 3 }));
    expect(numbering.judge(deltaOf(4))).toBe('ignore');
    expect(numbering.isFollowing).toBe(false);
  });

  test('asks once for a snapshot when a delta is missing, and goes on from that', () => {
    const numbering = following(7);
    expect(numbering.judge(deltaOf(9))).toBe('resync');
    expect(numbering.judge(deltaOf(10))).toBe('ignore');
    expect(numbering.judge(snapshotOf({ seq: 10, why: 'resync' }))).toBe('apply');
    expect(numbering.judge(deltaOf(11))).toBe('apply');
  });

  test('ignores what it has had', () => {
    const numbering = following(7);
    expect(numbering.judge(deltaOf(7))).toBe('ignore');
    expect(numbering.judge(deltaOf(3))).toBe('ignore');
    expect(numbering.isFollowing).toBe(true);
  });

  test('takes a heartbeat with the number of the last frame or the next, and notices one that is further', () => {
    const numbering = following(7);
    expect(numbering.judge(heartbeat(7))).toBe('apply');
    expect(numbering.judge(heartbeat(8))).toBe('apply');
    expect(numbering.judge(deltaOf(9))).toBe('apply');
    expect(numbering.judge(heartbeat(12))).toBe('resync');
  });

  test('takes a snapshot that nobody asked for', () => {
    const numbering = following(7);
    expect(numbering.judge(snapshotOf({ seq: 40, why: 'slow' }))).toBe('apply');
    expect(numbering.judge(deltaOf(41))).toBe('apply');
  });
});
