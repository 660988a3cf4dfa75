// Whether a frame is the next one. Pure.

/** @typedef {import('../../src/server/live/live-protocol.ts').LiveFrame} LiveFrame */

/**
 * What to do with a frame. `apply`: take it in. `ignore`: nothing new, or nothing to build on yet. `resync`: a frame was
 * missed; ask for a snapshot.
 *
 * @typedef {'apply' | 'ignore' | 'resync'} FrameVerdict
 */

/** Follows the numbering of one connection's frames. */
export function createNumbering() {
  let seq = -1;
  let state = /** @type {'new' | 'greeted' | 'following' | 'lost'} */ ('new');

  /** @returns {FrameVerdict} */
  function miss() {
    state = 'lost';
    return 'resync';
  }

  return {
    /** Whether deltas are being taken in. */
    get isFollowing() {
      return state === 'following';
    },

    /**
     * @param {LiveFrame} frame
     * @returns {FrameVerdict}
     */
    judge(frame) {
      if (frame.type === 'hello') {
        state = 'greeted';
        seq = frame.seq;
        return 'apply';
      }
      if (frame.type === 'snapshot') {
        if (state === 'new') return 'ignore';
        state = 'following';
        seq = frame.seq;
        return 'apply';
      }
      if (state !== 'following' || frame.seq < seq) return 'ignore';
      if (frame.type === 'heartbeat') {
        // A heartbeat repeats the number of the last frame, or has the next one.
        if (frame.seq > seq + 1) return miss();
        seq = frame.seq;
        return 'apply';
      }
      if (frame.type !== 'delta' || frame.seq === seq) return 'ignore';
      if (frame.seq !== seq + 1) return miss();
      seq = frame.seq;
      return 'apply';
    },
  };
}
