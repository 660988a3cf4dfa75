// Which node to get the stream from, when to try, and when to go home. Pure: time and chance come in.

/** @typedef {import('../../src/server/live/live-protocol.ts').LiveNode} LiveNode */

const WAIT_FIRST_MS = 100;
const WAIT_MAX_MS = 5_000;
/** Its own node serves for so long before the page goes back to it; doubled with each time that it did not work. */
const HOME_AFTER_MS = 10_000;
const HOME_AFTER_MAX_MS = 160_000;

/**
 * How long to wait before the next attempt: full jitter below a bound that doubles.
 *
 * @param {number} failures in a row, from 1
 * @param {number} random 0 to 1
 */
export function waitBefore(failures, random) {
  return random * Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** Math.min(failures - 1, 20));
}

/**
 * A clock that goes on where the machine's own is set back: what was to happen soon does not wait for an hour, and silence is
 * noticed. It goes forward with it, so that sleep counts.
 *
 * @param {() => number} [clock] milliseconds
 */
export function createSteadyClock(clock = Date.now) {
  let shift = 0;
  let last = 0;
  return () => {
    const at = clock() + shift;
    shift += Math.max(0, last - at);
    last = Math.max(last, at);
    return last;
  };
}

/** @param {string} hostname */
function isLoopback(hostname) {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

/**
 * Where a node's stream is, as far as this page may and can open it; `undefined` where it cannot: a page over https may
 * open nothing that is not, an address of the node's own machine means another one here, and what is no web address at all
 * would end the search for a stream.
 *
 * @param {string} nodeUrl as registered
 * @param {string} pageUrl origin of the page
 */
export function streamOrigin(nodeUrl, pageUrl) {
  if (!URL.canParse(nodeUrl)) return undefined;
  const node = new URL(nodeUrl);
  const page = new URL(pageUrl);
  if (node.protocol !== 'https:' && (node.protocol !== 'http:' || page.protocol === 'https:'))
    return undefined;
  if (isLoopback(node.hostname) && !isLoopback(page.hostname)) return undefined;
  return node.origin;
}

/**
 * Whether two origins are the same server, spelt differently.
 *
 * @param {string} a
 * @param {string} b
 */
export function isSameServer(a, b) {
  if (a === b) return true;
  const [one, two] = [new URL(a), new URL(b)];
  return one.port === two.port && isLoopback(one.hostname) && isLoopback(two.hostname);
}

/**
 * The addresses to try, one after the other; its own node first.
 *
 * @param {string} home origin of the page
 */
export function createRoute(home) {
  /** @type {{ origin: string, node: string | undefined }[]} */
  let others = [];
  let at = 0;
  /** @type {string | undefined} */
  let homeNode;
  /** @type {number | undefined} */
  let homeServesSince;
  let homeAfterMs = HOME_AFTER_MS;

  return {
    get home() {
      return home;
    },

    /** @param {string} node the name of the node that served the page */
    nameHome(node) {
      homeNode = node;
    },

    /**
     * @param {readonly LiveNode[]} nodes
     * @param {number} now
     */
    learn(nodes, now) {
      others = [];
      let homeServes = false;
      for (const node of nodes) {
        const origin = streamOrigin(node.url, home);
        const isHome = node.id === homeNode || (origin !== undefined && isSameServer(origin, home));
        if (isHome) homeServes ||= node.state === 'serving';
        else if (origin !== undefined && node.state !== 'gone') others.push({ origin, node: node.id });
      }
      if (!homeServes) homeServesSince = undefined;
      else homeServesSince ??= now;
    },

    /** The address to try now. */
    current() {
      const own = { origin: home, node: homeNode };
      const list = [own, ...others];
      // There may be fewer nodes than there were.
      if (at >= list.length) at = 0;
      return {
        ...(list[at] ?? own),
        isHome: at === 0,
      };
    },

    /** The address did not work, or does not any more. */
    fail() {
      at = (at + 1) % (others.length + 1);
      homeServesSince = undefined;
    },

    /**
     * Whether to try its own node again while another one serves the stream.
     *
     * @param {number} now
     */
    shouldGoHome(now) {
      return at !== 0 && homeServesSince !== undefined && now - homeServesSince >= homeAfterMs;
    },

    /** It is there, and its stream is taken. */
    cameHome() {
      at = 0;
      homeAfterMs = HOME_AFTER_MS;
    },

    /** It was tried, and did not answer. */
    homeFailed() {
      homeServesSince = undefined;
      homeAfterMs = Math.min(HOME_AFTER_MAX_MS, homeAfterMs * 2);
    },
  };
}
