// Tells when something may have happened to a number. Knows nothing of the page.

import { concerns } from './find-life.js';

/** After an event about it: what follows at once, as a release does a draw, is told in one go. */
const SOON_MS = 150;
/** When events are left out of the stream because there are too many, one about it may be among them. */
const DOUBT_MS = 3_000;

/**
 * Follows a number in the stream for as long as the page is there.
 *
 * @param {Pick<ReturnType<typeof import('./store.js').createStore>, 'on' | 'events' | 'eventsSeen' | 'eventsSkipped'>} store
 * @param {object} options
 * @param {() => number | undefined} options.number which one at the moment, if any
 * @param {(isTold: boolean) => void} options.look asks for it again; `isTold` unless there is only doubt
 * @param {() => boolean} options.isSeen whether anybody would see the difference: without an event about it nothing is asked otherwise
 */
export function followNumber(store, { number, look, isSeen }) {
  let seen = store.eventsSeen;
  let skipped = store.eventsSkipped;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let dueAt = Infinity;
  let isFirst = true;

  store.on('snapshot', () => {
    // After a break anything may have happened; the first one tells of nothing that was not asked for a moment ago.
    if (!isFirst && number() !== undefined) plan(SOON_MS);
    isFirst = false;
  });
  store.on('event', () => {
    const wanted = number();
    const fresh = Math.min(store.eventsSeen - seen, store.events.length);
    const areMissing = store.eventsSkipped > skipped || store.eventsSeen - seen > fresh;
    seen = store.eventsSeen;
    skipped = store.eventsSkipped;
    if (wanted === undefined) return;
    const isTold = fresh > 0 && store.events.slice(-fresh).some(event => concerns(event, wanted));
    if (isTold) plan(SOON_MS);
    else if (areMissing && isSeen()) plan(DOUBT_MS);
  });

  /** @param {number} ms */
  function plan(ms) {
    const at = performance.now() + ms;
    if (at >= dueAt) return;
    dueAt = at;
    clearTimeout(timer);
    timer = setTimeout(() => {
      dueAt = Infinity;
      if (number() !== undefined) look(ms === SOON_MS);
    }, ms);
  }
}
