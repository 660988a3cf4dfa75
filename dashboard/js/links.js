// The state that a link to the page carries, in its hash: `#find=42&range=5m`, `#charts&range=1h`. No DOM in here.
//
//   links.get(name) → string | undefined        links.set({name: value | undefined}, {push?})        links.on(name, fn) → off
//   links.href({name: value}) → the hash of a link that changes only these; for `href` and for copying.
//   The bare word is the section to show, under the name `section`. `set` replaces the address; with `push` Back returns.
//   `fn(value)` runs when the value changes, whoever changed it, and not at once: ask `get` at the start.

/** @typedef {Map<string, string>} LinkState */

/**
 * @param {string} hash with or without `#`
 * @returns {LinkState}
 */
export function parseHash(hash) {
  /** @type {LinkState} */
  const state = new Map();
  for (const part of hash.replace(/^#/, '').split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    if (at < 0) state.set('section', decode(part));
    else state.set(decode(part.slice(0, at)), decode(part.slice(at + 1)));
  }
  return state;
}

/**
 * @param {LinkState} state
 * @returns {string} with `#`, or empty
 */
export function formatHash(state) {
  const parts = [];
  const section = state.get('section');
  if (section !== undefined) parts.push(encode(section));
  for (const [name, value] of state) if (name !== 'section') parts.push(`${encode(name)}=${encode(value)}`);
  return parts.length === 0 ? '' : `#${parts.join('&')}`;
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What a person reads stays readable: `/`, `,` and `:` are fine in a fragment. @param {string} text */
function encode(text) {
  return encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%2C', ',').replaceAll('%3A', ':');
}

/**
 * @typedef {object} LinkWindow what of a window it takes
 * @property {{ hash: string, pathname: string, search: string }} location
 * @property {{ replaceState(data: null, unused: string, url: string): void, pushState(data: null, unused: string, url: string): void }} history
 * @property {(type: 'hashchange' | 'popstate', fn: () => void) => void} addEventListener
 */

/** @param {LinkWindow} window */
export function createLinks(window) {
  let state = parseHash(window.location.hash);
  /** @type {Map<string, Set<(value: string | undefined) => void>>} */
  const listeners = new Map();

  /** @param {LinkState} next */
  function move(next) {
    const before = state;
    state = next;
    for (const [name, fns] of listeners) {
      const value = next.get(name);
      if (before.get(name) !== value) for (const fn of fns) fn(value);
    }
  }

  const onAddress = () => move(parseHash(window.location.hash));
  window.addEventListener('hashchange', onAddress);
  window.addEventListener('popstate', onAddress);

  /** @param {Readonly<Record<string, string | number | undefined | null>>} changes */
  function changed(changes) {
    const next = new Map(state);
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined || value === null || value === '') next.delete(name);
      else next.set(name, String(value));
    }
    return next;
  }

  return {
    /** @param {string} name */
    get: name => state.get(name),

    /**
     * @param {Readonly<Record<string, string | number | undefined | null>>} changes
     * @param {{ push?: boolean }} [options]
     */
    set(changes, { push = false } = {}) {
      const next = changed(changes);
      const hash = formatHash(next);
      if (hash === formatHash(state)) return;
      const url = `${window.location.pathname}${window.location.search}${hash}`;
      window.history[push ? 'pushState' : 'replaceState'](null, '', url);
      move(next);
    },

    /** @param {Readonly<Record<string, string | number | undefined | null>>} changes */
    href: changes => formatHash(changed(changes)) || '#',

    /**
     * @param {string} name
     * @param {(value: string | undefined) => void} fn
     */
    on(name, fn) {
      const fns = listeners.get(name) ?? new Set();
      listeners.set(name, fns.add(fn));
      return () => fns.delete(fn);
    },
  };
}
