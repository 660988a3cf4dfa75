// Demonstrations as the page knows them: the catalogue, the run under way from the stream, or by asking when the stream does
// not tell of it, and starting and cancelling. No DOM in here.
//
//   app.demos → client, the same one for every panel
//   client.state   {available: true | false | undefined, catalogue, run, starting, cancelling, problem}; `run` is the newest one
//                  known, `starting` a name, `cancelling` the id of a run
//   client.isBusy()   whether one runs or is about to
//   client.on(fn)     fn() after each change
//   client.onEnd(fn)  fn(run) once when a run ends that was seen running
//   client.start(name, parameters) → problem | undefined      client.cancel() likewise: the run there is

/** @typedef {import('../../src/demo/demo-run.ts').DemoRun} DemoRun */
/** @typedef {import('../../src/demo/demo-run.ts').DemoCatalogue} DemoCatalogue */
/** @typedef {import('./api.js').Problem} Problem */
/** @typedef {{ store: ReturnType<typeof import('./store.js').createStore>, api: ReturnType<typeof import('./api.js').createApi> }} App */

const BASE = '/api/v1/demo';
/** A run is asked for when the stream has not told of it for so long. */
const STREAM_SILENT_MS = 1_500;
const ASK_EVERY_MS = 700;
/** A node that has them but cannot answer is not asked all the time. */
const LOAD_AGAIN_MS = 5_000;
const LOST = 'Nobody knows this run any more: the process of the demonstrations was started again.';

/**
 * @param {App} app
 * @param {{ loadAgainMs?: number }} [options]
 */
export function createDemoClient({ store, api }, { loadAgainMs = LOAD_AGAIN_MS } = {}) {
  const state = {
    /** @type {boolean | undefined} */
    available: undefined,
    /** @type {DemoCatalogue | undefined} */
    catalogue: undefined,
    /** @type {DemoRun | undefined} */
    run: undefined,
    /** @type {string | undefined} */
    starting: undefined,
    /** @type {string | undefined} */
    cancelling: undefined,
    /** @type {Problem | undefined} */
    problem: undefined,
  };
  /** @type {Set<() => void>} */
  const listeners = new Set();
  /** @type {Set<(run: DemoRun) => void>} */
  const endListeners = new Set();
  /** Ids of runs seen running: only their ends are news. @type {Set<string>} */
  const running = new Set();
  let streamToldAt = -Infinity;
  /** A question for the catalogue is on its way, or will be. */
  let loading = false;
  /** The node has demonstrations, but not for this browser. */
  let isRefused = false;
  let asking = false;

  store.on(['demo', 'snapshot'], () => {
    const demo = store.view?.demo;
    if (demo === undefined) return;
    if (!demo.available || isRefused) setAvailable(false);
    else if (state.catalogue !== undefined && state.problem === undefined) setAvailable(true);
    // Not before: a refusal is an error in the browser's console.
    else void load();
    if (demo.run !== null) {
      streamToldAt = performance.now();
      take(demo.run);
    }
  });
  function changed() {
    for (const fn of listeners) fn();
  }

  /** @param {boolean} available */
  function setAvailable(available) {
    if (state.available === available) return;
    state.available = available;
    changed();
  }

  /** Asks for the catalogue; 404 says that there are no demonstrations here. */
  async function load() {
    if (loading) return;
    loading = true;
    const answer = await api.get(BASE);
    state.problem = answer.status === 404 ? undefined : answer.problem;
    if (answer.ok) {
      state.catalogue = answer.body;
      state.available = true;
      const { current, last } = /** @type {DemoCatalogue} */ (answer.body);
      if (current !== null) take(current);
      else state.run ??= last[0];
    } else if (answer.status === 404) {
      isRefused = true;
      state.available = false;
    }
    if (state.problem === undefined) loading = false;
    else
      setTimeout(() => {
        loading = false;
        void load();
      }, loadAgainMs);
    changed();
  }

  /** @param {DemoRun} run */
  function take(run) {
    const before = state.run;
    // A late answer must not bring back what has ended, nor an older run.
    if (before?.id === run.id && before.endedAt !== null && run.endedAt === null) return;
    if (before !== undefined && before.id !== run.id && before.startedAt > run.startedAt) return;
    state.run = run;
    if (run.endedAt === null) {
      running.add(run.id);
      askWhenSilent();
    } else if (running.delete(run.id)) {
      for (const fn of endListeners) fn(run);
      void load();
    }
    changed();
  }

  function askWhenSilent() {
    if (asking) return;
    asking = true;
    setTimeout(() => {
      asking = false;
      void ask();
    }, ASK_EVERY_MS);
  }

  async function ask() {
    const { run } = state;
    if (run === undefined || run.endedAt !== null) return;
    if (performance.now() - streamToldAt > STREAM_SILENT_MS) {
      const answer = await api.get(pathOf(run.id), { retryMs: 3_000 });
      if (answer.ok) take(answer.body);
      else if (answer.status === 404) take({ ...run, state: 'failed', endedAt: store.now(), problem: LOST });
    }
    askWhenSilent();
  }

  return {
    state,
    isBusy: () => state.starting !== undefined || state.run?.state === 'running',

    /** @param {() => void} fn */
    on: fn => void listeners.add(fn),

    /** @param {(run: DemoRun) => void} fn */
    onEnd: fn => void endListeners.add(fn),

    /**
     * @param {string} name
     * @param {Readonly<Record<string, number>>} parameters
     * @returns {Promise<Problem | undefined>}
     */
    async start(name, parameters) {
      state.starting = name;
      changed();
      // Sent once: after a lost answer it may be running, and a second one is not what anybody wants. The node that takes it
      // may be the one that gets killed: the answer comes at once, and the run is followed.
      const answer = await api.post(`${BASE}/${encodeURIComponent(name)}`, parameters, {
        idempotencyKey: null,
        headers: { prefer: 'respond-async' },
      });
      state.starting = undefined;
      if (answer.ok) take(answer.body);
      changed();
      return answer.problem;
    },

    /** @returns {Promise<Problem | undefined>} */
    async cancel() {
      const id = state.run?.id;
      if (id === undefined || state.cancelling === id) return undefined;
      state.cancelling = id;
      changed();
      const answer = await api.delete(pathOf(id));
      if (answer.ok) take(answer.body);
      // Otherwise it is told as such until the run has ended.
      else state.cancelling = undefined;
      changed();
      return answer.problem;
    },
  };
}

/** @param {string} id of a run */
function pathOf(id) {
  return `${BASE}/runs/${encodeURIComponent(id)}`;
}
