// The client of the live stream: connects, follows the numbering, finds another node when its own does not answer, and goes
// back to that when it serves again. Everything it learns goes into the store. No DOM in here.

import { createNumbering } from './live-numbering.js';
import { createRoute, createSteadyClock, waitBefore } from './live-route.js';

/** @typedef {import('../../src/server/live/live-protocol.ts').LiveFrame} LiveFrame */
/** @typedef {ReturnType<typeof import('./store.js').createStore>} Store */

const PATH = '/ws';
const PROTOCOL = 'seqd.live.1';
/** From the attempt to the first snapshot. */
const OPEN_TIMEOUT_MS = 2_500;
/** Without a frame for so long what the page shows is called stale, and another connection is tried. */
const STALE_MS = 3_000;
const OFFLINE_MS = 15_000;
/** A snapshot that was asked for comes within this, or the connection is given up. */
const RESYNC_MS = 3_000;
const TICK_MS = 250;
/** A tick that is so late was held up with everything else here, frames included; a hidden tab ticks once a second. */
const LATE_MS = 1_500;
/** A stream that lasted so long was a good one: the next loss starts with the shortest wait. */
const STABLE_MS = 5_000;

/**
 * @typedef {object} LiveOptions
 * @property {Store} store
 * @property {string} origin of the page
 * @property {typeof WebSocket} [WebSocket]
 * @property {() => number} [clock] milliseconds
 * @property {() => number} [random] 0 to 1
 */

/**
 * Starts following the stream.
 *
 * @param {LiveOptions} options
 * @returns {{ close(): void, retryNow(): void, now(): number }} `retryNow` ends a wait before the next attempt; `now` is the clock of
 *   `lastFrameAt` and `retryAt`
 */
export function startLive({
  store,
  origin,
  WebSocket = globalThis.WebSocket,
  clock = createSteadyClock(),
  random = Math.random,
}) {
  const route = createRoute(origin);
  /** The connection whose frames the page shows. @type {Link | undefined} */
  let shown;
  /** One that is to take its place. @type {Link | undefined} */
  let next;
  let failures = 0;
  /** @type {number | undefined} */
  let attemptAt = clock();
  let closed = false;
  let tickedAt = performance.now();
  /** When the page went on after it was held up. */
  let resumedAt = 0;

  /**
   * @typedef {object} Link
   * @property {WebSocket} socket
   * @property {ReturnType<typeof createNumbering>} numbering
   * @property {{ origin: string, node: string | undefined, isHome: boolean }} target
   * @property {number} openedAt
   * @property {number | undefined} followingSince
   * @property {number} lastFrameAt
   * @property {number | undefined} resyncAt
   * @property {Extract<LiveFrame, { type: 'hello' }> | undefined} hello
   */

  /** @param {Link['target']} target */
  function open(target) {
    const url = `${target.origin.replace(/^http/, 'ws')}${PATH}`;
    const now = clock();
    /** @type {Link} */
    const link = {
      socket: new WebSocket(url, PROTOCOL),
      numbering: createNumbering(),
      target,
      openedAt: now,
      followingSince: undefined,
      lastFrameAt: now,
      resyncAt: undefined,
      hello: undefined,
    };
    link.socket.onmessage = event => {
      if (link === shown || link === next) receive(link, event.data);
    };
    link.socket.onclose = event => lose(link, event.reason || 'the connection was closed');
    link.socket.onerror = () => {};
    next = link;
  }

  /**
   * @param {Link} link
   * @param {unknown} text
   */
  function receive(link, text) {
    /** @type {LiveFrame} */
    let frame;
    try {
      frame = JSON.parse(String(text));
    } catch {
      lose(link, 'a frame could not be read');
      return;
    }
    link.lastFrameAt = clock();
    const verdict = link.numbering.judge(frame);
    if (verdict === 'apply') apply(link, frame);
    else if (verdict === 'resync') {
      link.resyncAt = clock();
      link.socket.send('{"type":"resync"}');
    }
    if (link === shown) store.noteFrame(link.lastFrameAt);
  }

  /**
   * @param {Link} link
   * @param {LiveFrame} frame
   */
  function apply(link, frame) {
    switch (frame.type) {
      case 'hello':
        link.hello = frame;
        if (link.target.isHome) route.nameHome(frame.node);
        break;
      case 'snapshot':
        link.resyncAt = undefined;
        link.followingSince ??= clock();
        if (link === next) show(link);
        store.applySnapshot(frame);
        route.learn(frame.view.nodes, clock());
        break;
      case 'delta':
        store.applyDelta(frame);
        if (frame.changes.nodes !== undefined) route.learn(frame.changes.nodes, clock());
        break;
      case 'heartbeat':
        store.applyHeartbeat(frame.at);
        break;
    }
  }

  /** @param {Link} link */
  function show(link) {
    const before = shown;
    shown = link;
    next = undefined;
    attemptAt = undefined;
    if (before !== undefined) before.socket.close();
    if (link.target.isHome) route.cameHome();
    store.setConnection({
      state: 'live',
      node: link.hello?.node ?? link.target.node,
      url: link.target.origin,
      home: link.target.isHome,
      intervalMs: link.hello?.intervalMs,
      lastFrameAt: link.lastFrameAt,
      attempts: 0,
      retryAt: undefined,
      reason: '',
    });
  }

  /**
   * @param {Link} link
   * @param {string} reason
   */
  function lose(link, reason) {
    link.socket.onclose = null;
    link.socket.onmessage = null;
    link.socket.close();
    if (link === next) {
      next = undefined;
      // The attempt to go home cost nothing: the other stream goes on.
      if (shown !== undefined) route.homeFailed();
      else retry(reason);
    } else if (link === shown) {
      shown = undefined;
      const lastedMs = clock() - (link.followingSince ?? clock());
      if (lastedMs >= STABLE_MS) failures = 0;
      // The page is on its way home: that goes on.
      if (next !== undefined) return;
      retry(reason);
    }
  }

  /** @param {string} reason */
  function retry(reason) {
    if (closed) return;
    failures += 1;
    route.fail();
    attemptAt = clock() + waitBefore(failures, random());
    const { connection } = store;
    store.setConnection({
      state: connection.state === 'live' ? 'connecting' : connection.state,
      attempts: failures,
      retryAt: attemptAt,
      reason,
    });
    arm(attemptAt - clock());
  }

  function judge() {
    const now = clock();
    if (shown !== undefined && now - Math.max(shown.lastFrameAt, resumedAt) > STALE_MS)
      lose(shown, `nothing came for ${STALE_MS / 1_000} s`);
    if (shown?.resyncAt !== undefined && now - shown.resyncAt > RESYNC_MS)
      lose(shown, 'a missed frame was not made good');
    if (next !== undefined && now - Math.max(next.openedAt, resumedAt) > OPEN_TIMEOUT_MS)
      lose(next, 'the node did not answer');
    if (shown !== undefined && next === undefined && route.shouldGoHome(now))
      open({ origin: route.home, node: undefined, isHome: true });
    if (shown === undefined && next === undefined && attemptAt !== undefined && now >= attemptAt) {
      attemptAt = undefined;
      open(route.current());
    }
    if (shown === undefined) showAge(now);
  }

  /** @param {number} now */
  function showAge(now) {
    const { lastFrameAt, state, attempts } = store.connection;
    const age = lastFrameAt === undefined ? undefined : now - lastFrameAt;
    if (age === undefined ? attempts >= 4 : age > OFFLINE_MS) store.setConnection({ state: 'offline' });
    else if (age !== undefined && age > STALE_MS && state !== 'stale')
      store.setConnection({ state: 'stale' });
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {number} ms */
  function arm(ms) {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(tick, Math.min(TICK_MS, Math.max(0, ms)));
  }

  function tick() {
    const at = performance.now();
    if (at - tickedAt > LATE_MS) resumedAt = clock();
    tickedAt = at;
    judge();
    arm(TICK_MS);
  }

  tick();
  return {
    now: clock,
    close() {
      closed = true;
      clearTimeout(timer);
      for (const link of [shown, next]) {
        if (link === undefined) continue;
        link.socket.onclose = null;
        link.socket.close();
      }
    },
    retryNow() {
      if (shown !== undefined || next !== undefined) return;
      attemptAt = clock();
      tick();
    },
  };
}
