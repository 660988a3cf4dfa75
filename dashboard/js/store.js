// What the page knows, and who wants to hear of changes. No DOM in here.
//
//   store.view        LiveView of src/server/live/live-protocol.ts, or undefined before the first snapshot
//   store.history     {minute, fiveMinutes, hour}: plain arrays by column, see history.js; changed in place
//   store.events      LiveEvent[], newest last, at most 500; changed in place
//   store.eventsSeen  how many events ever came: the last (eventsSeen − what you saw) of `events` are new to you
//   store.marks       those with `mark`, oldest first, the last 60 that ever came: thousands of numbers a second do not push them out
//   store.eventsSkipped  how many the stream left out because there were too many
//   store.connection  {state, node, url, home, intervalMs, lastFrameAt, attempts, retryAt, reason}
//   store.now()       the cluster's time, Unix milliseconds: compare with `at`, `since`, `t` of what came
//   store.on(topics, fn) → unsubscribe
//       topics: names of LiveView sections ('numbers', 'traffic', 'nodes', …), 'sample', 'event', 'connection', 'snapshot',
//       and 'second' for what shows an age: once a second, from the first snapshot on.
//       fn(changed: Set<topic>) runs at most once per animation frame, not at all while the tab is hidden, and then once
//       when it is shown. Subscribing after the first snapshot runs fn in the next frame with all its topics.
//       'snapshot' comes with every snapshot (all of the above may have changed: rebuild what you keep); so do all sections.

import { createHistory } from './history.js';

/** @typedef {import('../../src/server/live/live-protocol.ts').LiveView} LiveView */
/** @typedef {import('../../src/server/live/live-protocol.ts').LiveEvent} LiveEvent */
/** @typedef {import('../../src/server/live/live-protocol.ts').SnapshotFrame} SnapshotFrame */
/** @typedef {import('../../src/server/live/live-protocol.ts').DeltaFrame} DeltaFrame */

/**
 * How the stream stands. `connecting`: not there yet, or lost a moment ago. `live`: frames come. `stale`: none for 3 s.
 * `offline`: none for a long time, or no node answers.
 *
 * @typedef {object} Connection
 * @property {'connecting' | 'live' | 'stale' | 'offline'} state
 * @property {string | undefined} node whose stream it is or last was
 * @property {string | undefined} url of that node
 * @property {boolean} home whether that is the node that served the page
 * @property {number | undefined} intervalMs between deltas, at least
 * @property {number | undefined} lastFrameAt by the clock of the live client
 * @property {number} attempts that failed since frames came last
 * @property {number | undefined} retryAt the same
 * @property {string} reason why it is not live, for people
 */

/** @typedef {(changed: Set<string>) => void} Listener */

/**
 * Whether what the page shows is of the past.
 *
 * @param {Pick<Connection, 'state'>} connection
 */
export function isOld({ state }) {
  return state === 'stale' || state === 'offline';
}

export const EVENTS_MAX = 500;
const MARKS_MAX = 60;

/**
 * @param {object} options
 * @param {(run: () => void) => void} options.schedule runs the function once, later: the next animation frame
 * @param {(error: unknown) => void} [options.onError] told what a listener threw; the others run all the same
 * @param {() => number} [options.clock] Unix milliseconds
 */
export function createStore({ schedule, onError = () => {}, clock = Date.now }) {
  /** @type {{ topics: readonly string[], fn: Listener, pending: Set<string> | undefined }[]} */
  const listeners = [];
  /** @type {number | undefined} */
  let clockOffset;
  let scheduled = false;

  const store = {
    /** @type {LiveView | undefined} */
    view: undefined,
    history: createHistory(),
    /** @type {LiveEvent[]} */
    events: [],
    /** @type {LiveEvent[]} */
    marks: [],
    eventsSeen: 0,
    eventsSkipped: 0,
    /** @type {Connection} */
    connection: {
      state: 'connecting',
      node: undefined,
      url: undefined,
      home: true,
      intervalMs: undefined,
      lastFrameAt: undefined,
      attempts: 0,
      retryAt: undefined,
      reason: '',
    },

    now: () => clock() + (clockOffset ?? 0),

    /**
     * @param {string | readonly string[]} topics
     * @param {Listener} fn
     */
    on(topics, fn) {
      const listener = {
        topics: typeof topics === 'string' ? [topics] : [...topics],
        fn,
        pending: undefined,
      };
      listeners.push(listener);
      if (store.view !== undefined) touchOne(listener, listener.topics);
      return () => {
        const at = listeners.indexOf(listener);
        if (at >= 0) listeners.splice(at, 1);
      };
    },

    /**
     * Takes a snapshot in. One of the same stream keeps the events there are; another stream's replaces them.
     *
     * @param {SnapshotFrame} frame
     */
    applySnapshot(frame) {
      store.view = frame.view;
      store.history.load(frame.history);
      if (frame.why === 'hello') store.events.length = 0;
      const known = new Set(store.events.map(event => event.id));
      addEvents(frame.events.filter(event => !known.has(event.id)));
      // Among them are events that deltas had left out, older than what came since.
      if (known.size > 0) store.events.sort((a, b) => a.at - b.at);
      touch(['snapshot', 'sample', 'event', ...Object.keys(frame.view)]);
    },

    /** @param {DeltaFrame} frame */
    applyDelta(frame) {
      if (store.view === undefined) return;
      noteTime(frame.at);
      const sections = Object.keys(frame.changes);
      Object.assign(store.view, frame.changes);
      if (sections.length > 0) touch(sections);
      if (frame.samples.length > 0) {
        store.history.add(frame.samples);
        touch(['sample']);
      }
      if (frame.events.length > 0 || frame.eventsSkipped > 0) {
        store.eventsSkipped += frame.eventsSkipped;
        addEvents(frame.events);
        touch(['event']);
      }
    },

    /** @param {number} at when the node sent the frame, by its clock */
    applyHeartbeat(at) {
      noteTime(at);
    },

    /** A second has passed. */
    tick() {
      if (store.view !== undefined) touch(['second']);
    },

    /**
     * A frame that only keeps what was known fresh moves `lastFrameAt` without telling anybody.
     *
     * @param {Partial<Connection>} change
     */
    setConnection(change) {
      const before = store.connection;
      const after = { ...before, ...change };
      store.connection = after;
      const told = /** @type {(keyof Connection)[]} */ (Object.keys(change)).some(
        name => name !== 'lastFrameAt' && before[name] !== after[name],
      );
      if (told) touch(['connection']);
    },

    /** @param {number} at by this machine's clock */
    noteFrame(at) {
      store.connection.lastFrameAt = at;
    },
  };

  /** @param {readonly LiveEvent[]} events */
  function addEvents(events) {
    for (const event of events) {
      store.events.push(event);
      // A stream that is taken up again tells some of them anew.
      if ('mark' in event && event.mark && !store.marks.some(({ id }) => id === event.id))
        store.marks.push(event);
    }
    store.marks.splice(0, store.marks.length - MARKS_MAX);
    store.eventsSeen += events.length;
    if (store.events.length > EVENTS_MAX) store.events.splice(0, store.events.length - EVENTS_MAX);
  }

  /**
   * The frame that was under way least shows the difference of the clocks best; a step of either clock starts it anew.
   *
   * @param {number} at
   */
  function noteTime(at) {
    const offset = at - clock();
    const isStep = clockOffset === undefined || Math.abs(offset - clockOffset) > 5_000;
    clockOffset = isStep ? offset : Math.max(offset, /** @type {number} */ (clockOffset) - 1);
  }

  /** @param {readonly string[]} topics */
  function touch(topics) {
    for (const listener of listeners) touchOne(listener, topics);
  }

  /**
   * @param {(typeof listeners)[number]} listener
   * @param {readonly string[]} topics
   */
  function touchOne(listener, topics) {
    for (const topic of topics) {
      if (!listener.topics.includes(topic)) continue;
      listener.pending ??= new Set();
      listener.pending.add(topic);
    }
    if (listener.pending === undefined || scheduled) return;
    scheduled = true;
    schedule(flush);
  }

  function flush() {
    scheduled = false;
    for (const listener of listeners.slice()) {
      const { pending } = listener;
      if (pending === undefined) continue;
      listener.pending = undefined;
      try {
        listener.fn(pending);
      } catch (error) {
        onError(error);
      }
    }
  }

  return store;
}
