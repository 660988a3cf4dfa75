// The event feed: what happens to numbers, in the cluster and in demonstrations, as it happens.

import { button, onNumber, openNumber, select, setChoices, textInput } from './controls.js';
import { el, setAttr, setHidden, setText } from './dom.js';
import { EventRate, FeedBacklog } from './feed-backlog.js';
import { FEED_CHOICES, feedTest, isFiltering } from './feed-filter.js';
import { createRows } from './feed-rows.js';
import { count, plural } from './format.js';

const ROWS_MAX = 200;
/** Above so many events a second the rows hold still under the pointer. */
const BUSY_RATE = 3;
/** Above so many nothing is read out: whoever listens would hear nothing else. */
const CHATTY_RATE = 0.6;
/** At such rates rows change this often; below, with every frame that brings one. */
const BUSY_STEP_MS = 300;
/** Further down than this the reader is not at the newest any more. */
const TOP_PX = 12;

/** Fills the section. */
export function mount(section, app) {
  const { store, ui, links } = app;
  const filter = Object.fromEntries(
    Object.entries(LINKS).map(([name, link]) => [name, links.get(link) ?? '']),
  );
  let takes = feedTest(filter);
  let seen = store.eventsSeen;
  let skippedBefore = store.eventsSkipped;
  let skipped = 0;
  let isPaused = false;
  let isPointed = false;
  let isAway = false;
  let lastShownAt = 0;
  let later;
  const rate = new EventRate();
  const backlog = new FeedBacklog(ROWS_MAX);

  const what = choice('Kind', 'feed-what', 'what');
  const site = choice('Site', 'feed-site', 'site');
  const type = choice('Type', 'feed-type', 'type');
  const text = textInput('text', 'feed-text', 'reference, reason, number …', {
    type: 'search',
    'aria-label': 'Text in the event',
    value: filter.text,
    oninput: () => choose('text', text.value),
  });
  const pause = button('', 'feed-pause', () => setPaused(!isPaused));
  const news = button('', 'feed-new', toNewest, { class: 'feed-news primary' });
  const list = el('ol', { class: 'feed-list' });
  const log = el(
    'div',
    {
      class: 'feed-log',
      role: 'log',
      tabindex: '0',
      'aria-label': 'Events, newest first',
      'aria-live': 'off',
      dataset: { testid: 'feed-log' },
    },
    list,
  );
  const blank = el('p', { class: 'empty' });
  const foot = el('p', { class: 'feed-foot muted small', dataset: { testid: 'feed-foot' } });
  const box = el('div', { class: 'feed-box' }, log, blank, news);
  const rows = createRows(list, ROWS_MAX);

  section.append(
    el('div', { class: 'panel-tools' }, pause),
    el(
      'div',
      { class: 'feed-filters', role: 'group', 'aria-label': 'Filter the events' },
      what,
      site,
      type,
      text,
    ),
    box,
    foot,
  );
  setChoices(what, FEED_CHOICES, filter.what);
  fillPlaces();
  setPaused(false);

  onNumber(log, number => openNumber(app, number));
  log.addEventListener(
    'scroll',
    () => {
      isAway = log.scrollTop > TOP_PX;
      show();
    },
    { passive: true },
  );
  // The button for the new ones belongs to it, or it would vanish under the pointer that comes to press it.
  box.addEventListener('pointerenter', event => hold(event.pointerType === 'mouse'));
  box.addEventListener('pointerleave', () => hold(false));
  log.addEventListener('focusout', () => show());
  for (const [name, control] of Object.entries({ what, site, type, text }))
    links.on(LINKS[name], (value = '') => {
      if (filter[name] === value) return;
      filter[name] = value;
      control.value = value;
      refilter();
    });
  store.on('vocabulary', fillPlaces);
  store.on(['event', 'snapshot'], changed => (changed.has('snapshot') ? onSnapshot() : onEvents()));
  ui.commands.add({
    id: 'feed-pause',
    title: 'Pause or resume the event feed',
    keywords: 'events log stop',
    run: () => setPaused(!isPaused),
  });
  refilter();

  // After a break. What somebody reads stays where it is; what they have not seen waits.
  function onSnapshot() {
    if (heldBy(isPointed) === '') return refilter();
    const known = new Set([...rows.events(), ...backlog.waiting].map(({ id }) => id));
    seen = store.eventsSeen;
    skippedBefore = store.eventsSkipped;
    // The store has older ones, too.
    const last = store.events.findLastIndex(({ id }) => known.has(id));
    backlog.add(store.events.slice(last + 1).filter(event => takes(event)));
    show();
  }

  function onEvents() {
    const fresh = Math.min(store.eventsSeen - seen, store.events.length);
    // More than the store keeps: a tab that was hidden.
    skipped += store.eventsSeen - seen - fresh + store.eventsSkipped - skippedBefore;
    seen = store.eventsSeen;
    skippedBefore = store.eventsSkipped;
    const now = performance.now();
    rate.add(fresh, now);
    if (fresh > 0) backlog.add(store.events.slice(-fresh).filter(takes));
    const wait = lastShownAt + BUSY_STEP_MS - now;
    if (wait <= 0 || rate.at(now) <= BUSY_RATE) show();
    else
      later ??= setTimeout(() => {
        later = undefined;
        show();
      }, wait);
  }

  // Shows what waits, unless the reader is busy with what is there.
  function show() {
    const now = performance.now();
    const isBusy = rate.at(now) > BUSY_RATE;
    const why = heldBy(isBusy);
    setAttr(log, 'aria-live', rate.at(now) > CHATTY_RATE || why !== '' ? 'off' : 'polite');
    lastShownAt = now;
    if (why === '' && backlog.size > 0) {
      const { events, dropped } = backlog.take();
      skipped += dropped;
      rows.push(events, { few: isBusy });
    }
    if (why !== '' || !isBusy) rows.fill();
    tell(why);
  }

  function heldBy(isBusy) {
    if (isPaused) return 'paused';
    if (isAway) return 'scrolled';
    if (isBusy && isPointed) return 'pointed at';
    // Whoever has come to a row with the keyboard must not lose it.
    if (log !== document.activeElement && log.contains(document.activeElement)) return 'in use';
    return '';
  }

  function tell(why) {
    const waiting = why === '' ? 0 : backlog.size;
    setHidden(news, waiting === 0);
    if (waiting > 0) setText(news, `${plural(waiting, 'new event')} ↑`);
    setHidden(log, rows.size === 0);
    setHidden(blank, rows.size > 0);
    if (rows.size === 0)
      setText(
        blank,
        isFiltering(filter) ? 'Nothing of this kind among the last events.' : 'No events yet. Draw a number.',
      );
    const parts = [
      WHY[why],
      rows.size > 0 && `the last ${plural(rows.size, 'event')}`,
      skipped > 0 && `${count(skipped)} left out at this rate; the audit trail has all of them`,
    ];
    setText(foot, parts.filter(Boolean).join(' · '));
  }

  function setPaused(next) {
    isPaused = next;
    pause.setAttribute('aria-pressed', String(next));
    setText(pause, next ? '▶ Resume' : '❚❚ Pause');
    show();
  }

  function hold(next) {
    isPointed = next;
    show();
  }

  function toNewest() {
    if (isPaused) setPaused(false);
    isPointed = false;
    log.scrollTop = 0;
    isAway = false;
    if (log.contains(document.activeElement) || document.activeElement === news)
      log.focus({ preventScroll: true });
    show();
  }

  function choose(name, value) {
    filter[name] = value;
    links.set({ [LINKS[name]]: value });
    refilter();
  }

  // From the events that are at hand.
  function refilter() {
    takes = feedTest(filter);
    seen = store.eventsSeen;
    skippedBefore = store.eventsSkipped;
    backlog.take();
    rows.clear();
    log.scrollTop = 0;
    isAway = false;
    rows.push(store.events.filter(takes));
    show();
  }

  function fillPlaces() {
    const { sites = [], invoiceTypes = {} } = store.view?.vocabulary ?? {};
    setChoices(site, [['', 'All sites'], ...sites.map(({ id }) => id)], filter.site);
    setChoices(type, [['', 'All types'], ...Object.keys(invoiceTypes)], filter.type);
  }

  function choice(label, testid, name) {
    const control = select(name, testid, {
      'aria-label': label,
      onchange: () => choose(name, control.value),
    });
    return control;
  }
}

/** Parts of the filter by their names in links. */
const LINKS = { what: 'feed', site: 'feed-site', type: 'feed-type', text: 'feed-text' };

const WHY = {
  paused: 'Paused',
  scrolled: 'Held while you read further down',
  'pointed at': 'Held under the pointer',
  'in use': 'Held while the focus is in it',
};
