// The head of the page: whose numbers these are, how the stream stands, where to go, and the warning when nothing new comes.

import { el, setAttr, setClass, setHidden, setText } from './dom.js';
import { duration } from './format.js';
import { isOld } from './store.js';
import { mountTheme } from './theme.js';

export function mount(_section, app) {
  const { store, ui, live } = app;
  mountTheme(document.querySelector('#theme-button'), ui);
  mountSectionLinks(app);

  const series = document.querySelector('#series');
  store.on(['series', 'cluster'], () => {
    const { view } = store;
    setText(series, `${view.series} · ${view.cluster}`);
    setAttr(series, 'title', `series ${view.series}, cluster ${view.cluster}`);
  });

  const box = document.querySelector('#connection');
  const text = document.querySelector('#connection-text');
  const banner = createBanner(document.querySelector('#stale'), live);
  const show = () => {
    const { connection } = store;
    setAttr(box, 'data-state', connection.state);
    // What is old has no colour of good or bad.
    setClass(document.body, 'old', isOld(connection));
    setText(text, describe(connection, store.view !== undefined));
    banner.show(connection);
  };
  store.on('connection', show);
  show();
  store.on('second', () => banner.show(store.connection));
}

/** Not live for a moment is no news; with a view there is something to lose. */
function describe({ state, node, home, intervalMs }, hasView) {
  if (state === 'live') {
    const hertz = `${Math.round(1_000 / (intervalMs ?? 100))} Hz`;
    return home
      ? `live from ${node}, ${hertz}`
      : `live from ${node}, ${hertz}, standing in for this page's node`;
  }
  if (state === 'connecting') return hasView ? 'reconnecting …' : 'connecting …';
  return state === 'stale' ? 'not live' : 'offline';
}

function createBanner(banner, live) {
  const age = el('span', { 'data-testid': 'stale-age' });
  const why = el('span', { class: 'muted' });
  const again = el('button', { type: 'button', onclick: () => live.retryNow() }, 'Try now');
  // Read out once, not with each second that passes.
  const said = el('span', { class: 'visually-hidden', role: 'alert' });
  banner.append(el('div', null, [age, why, again]), said);
  return {
    show(connection) {
      const { lastFrameAt, attempts, reason } = connection;
      const bad = isOld(connection);
      setHidden(banner, !bad);
      setText(said, bad ? 'The figures on this page are old: no connection to the cluster.' : '');
      if (!bad) return;
      setText(
        age,
        lastFrameAt === undefined
          ? 'No node answers yet.'
          : `Old figures: nothing new for ${duration(live.now() - lastFrameAt)}.`,
      );
      setText(why, attempts === 0 ? reason : `Trying again, ${attempts} times so far: ${reason}.`);
    },
  };
}

/** The links to the sections keep what else the address says, and the one on screen is marked. */
function mountSectionLinks({ ui }) {
  const marks = new Map();
  for (const link of document.querySelectorAll('.skip-link, #section-links a')) {
    const id = link.hash.slice(1);
    link.addEventListener('click', event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      ui.reveal(id);
    });
    marks.set(document.getElementById(id), link);
    ui.commands.add({ id: `go-${id}`, title: `Go to ${link.textContent}`, run: () => ui.reveal(id) });
  }
  const seen = new Set();
  const observer = new IntersectionObserver(
    entries => {
      for (const { target, isIntersecting } of entries) seen[isIntersecting ? 'add' : 'delete'](target);
      const first = [...marks.keys()].find(section => seen.has(section));
      for (const [section, link] of marks)
        setAttr(link, 'aria-current', section === first ? 'location' : undefined);
      const link = marks.get(first);
      if (link !== undefined) link.parentElement.scrollLeft = link.offsetLeft - 60;
    },
    { rootMargin: '-20% 0px -60% 0px' },
  );
  for (const section of marks.keys()) observer.observe(section);
}
