// What the feed still has to show: a queue with an end, so that a burst costs no more than a screenful. Knows nothing of the page.

/** @typedef {Record<string, any>} LiveEvent */

/** Events that wait, and counts of those that do not fit. */
export class FeedBacklog {
  /** @param {number} max events kept, the newest */
  constructor(max) {
    this.max = max;
    /** @type {LiveEvent[]} */
    this.waiting = [];
    this.dropped = 0;
  }

  /** Events that were put in and not taken out, dropped ones too. */
  get size() {
    return this.waiting.length + this.dropped;
  }

  /** @param {readonly LiveEvent[]} events oldest first */
  add(events) {
    this.waiting.push(...events);
    const over = this.waiting.length - this.max;
    if (over <= 0) return;
    this.waiting.splice(0, over);
    this.dropped += over;
  }

  /**
   * Everything that waits, oldest first, and how many were dropped before it.
   *
   * @returns {{ events: LiveEvent[], dropped: number }}
   */
  take() {
    const taken = { events: this.waiting, dropped: this.dropped };
    this.waiting = [];
    this.dropped = 0;
    return taken;
  }
}

/** How many events a second there were of late; forgets within a few seconds. */
export class EventRate {
  constructor() {
    this.rate = 0;
    this.lastAt = 0;
  }

  /**
   * @param {number} count
   * @param {number} now milliseconds, never going back
   */
  add(count, now) {
    this.decay(now);
    this.rate += count / WINDOW_SECONDS;
  }

  /**
   * @param {number} now
   * @returns {number} per second
   */
  at(now) {
    this.decay(now);
    return this.rate;
  }

  /** @param {number} now */
  decay(now) {
    const seconds = Math.max(0, now - this.lastAt) / 1_000;
    this.lastAt = now;
    this.rate *= Math.exp(-seconds / WINDOW_SECONDS);
  }
}

const WINDOW_SECONDS = 2;
