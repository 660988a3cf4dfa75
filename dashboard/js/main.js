// Puts the page together. Each section of index.html has a module js/<id>.js with
//
//   export function mount(section, app)        // may be async
//
// `section` is the <section id=… aria-labelledby=…> with its <h2>: append to it. `app` is
//   {store, api, ui, links, demos}: see the head of store.js, api.js, ui.js, links.js, demo-client.js;
//   app.live.retryNow() ends a wait for the next connection, app.live.now() is the clock of store.connection.
// A section's listeners run at most once a second while it is off screen, and at once when it comes on screen.
// A module that is missing or throws shows that in its own section; the others do not notice.

import { createApi } from './api.js';
import { createDemoClient } from './demo-client.js';
import { el } from './dom.js';
import { bringIntoView } from './into-view.js';
import { createLinks } from './links.js';
import { startLive } from './live.js';
import { createPace } from './paced.js';
import { createStore } from './store.js';
import { createUi } from './ui.js';

/** What is not a section but belongs to the frame; mounted in the same way, without a section. */
const FRAME = ['header', 'palette', 'keyboard', 'tour'];

const store = createStore({
  schedule: run => requestAnimationFrame(run),
  onError: error => reportError(error),
});
const links = createLinks(window);
const ui = createUi({ links });
const api = createApi();
const live = startLive({ store, origin: location.origin });
setInterval(() => store.tick(), 1_000);
const app = { store, api, ui, links, live, demos: createDemoClient({ store, api }) };

const reported = new Set();
const paces = new WeakMap();
const onScreen = new IntersectionObserver(
  entries => {
    for (const entry of entries) paces.get(entry.target).show(entry.isIntersecting);
  },
  { rootMargin: '100px' },
);

const sections = [...document.querySelectorAll('main > section[id]')];
// One at a time, from the top, so that the page can be used meanwhile; the modules are on their way already.
for (const section of sections) await mountOne(section.id, section).then(nextTask);
for (const name of FRAME) await mountOne(name, undefined).then(nextTask);
document.documentElement.dataset.ready = 'true';
showLinkedSection();

function nextTask() {
  return new Promise(resolve => setTimeout(resolve));
}

async function mountOne(name, section) {
  try {
    const module = await import(`./${name}.js`);
    await module.mount(section, section === undefined ? app : { ...app, store: pacedStore(section) });
  } catch (error) {
    console.error(`Panel ${name}:`, error);
    section?.append(
      el(
        'p',
        { class: 'panel-error', role: 'alert' },
        `This panel does not work: ${error.message}. The others do.`,
      ),
    );
  } finally {
    section?.removeAttribute('aria-busy');
  }
}

/** The store for a section's module: its listeners run less often while the section is off screen. */
function pacedStore(section) {
  const pace = createPace();
  paces.set(section, pace);
  onScreen.observe(section);
  return Object.create(store, { on: { value: (topics, fn) => store.on(topics, pace.wrap(fn)) } });
}

/** Now, and once more when the panels above it have their figures and with them their height. */
function showLinkedSection() {
  const id = links.get('section') ?? (links.get('find') === undefined ? '' : 'find');
  const section = document.getElementById(id);
  if (section === null) return;
  const again = bringIntoView(section, { behavior: 'auto' });
  const off = store.on('snapshot', () => {
    off();
    requestAnimationFrame(again);
  });
}

/** What a listener threw: once in the console for each text, or ten times a second would be too often. */
function reportError(error) {
  const text = String(error?.stack ?? error);
  if (reported.has(text)) return;
  reported.add(text);
  console.error(error);
}
