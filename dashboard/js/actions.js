// Draw and release: any site, partition and type by button, the last answers, and the same as commands.

import { button, glyph, RELEASE_EVENT } from './controls.js';
import { copyButtons, replyCard, summaryOf } from './actions-reply.js';
import { createDrawForm, createReleaseForm } from './actions-form.js';
import { drawBody, NEXT_PATH, releasable, RELEASE_PATH, releaseBody, remember } from './actions-request.js';
import { newKey } from './api.js';
import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { clock } from './format.js';

/** A request that takes longer is told of. */
const SLOW_MS = 500;
/** Places that have a button of their own; a form has all of them. */
const QUICK_MAX = 16;
/** Without the stream by then, the vocabulary is asked for. */
const STREAM_WAIT_MS = 2_500;

/** Fills the section. */
export function mount(section, app) {
  const { store, api, ui } = app;
  let history = [];
  let shown;
  let vocabulary;
  let vocabularyText = '';
  const underWay = new Set();

  const quick = el('div', { class: 'quick', role: 'group', 'aria-label': 'Draw one number' });
  const waiting = el('p', { class: 'waiting', role: 'status', dataset: { testid: 'reply-waiting' } });
  const reply = el('div', { class: 'reply-place' }, empty());
  const list = el('ol', {
    class: 'history',
    'aria-label': 'Last replies',
    dataset: { testid: 'reply-history' },
  });
  const syncHistory = keyedList(list, {
    key: entry => entry,
    make: historyItem,
    update: ({ firstChild: item }, entry) =>
      setAttr(item, 'aria-current', entry === shown ? 'true' : undefined),
  });
  const historyBox = el('div', { class: 'history-box' }, el('h3', null, 'Last replies'), list);
  setHidden(historyBox, true);

  const draw = createDrawForm({
    onSubmit: body => void ask(NEXT_PATH, body),
    extras: body => copyButtons(app, () => ({ path: NEXT_PATH, body: body() })),
  });
  const release = createReleaseForm({
    onSubmit: body => void ask(RELEASE_PATH, body),
    lookUp,
    extras: body => copyButtons(app, () => ({ path: RELEASE_PATH, body: body() })),
  });

  section.append(
    quick,
    el('div', { class: 'actions-grid' }, [
      draw.form,
      release.form,
      el('div', { class: 'replies' }, [el('h3', null, 'Last reply'), waiting, reply, historyBox]),
    ]),
  );

  store.on('vocabulary', () => learn(store.view.vocabulary));
  setTimeout(() => vocabulary ?? void askForVocabulary(), STREAM_WAIT_MS);

  async function askForVocabulary() {
    const answer = await api.get('/api/v1/sequence/stats');
    if (answer.ok && vocabulary === undefined) learn(answer.body.vocabulary);
  }

  document.addEventListener(RELEASE_EVENT, ({ detail }) => {
    if (detail.siteId === undefined) void release.find(detail.sequenceNumber);
    else release.takeOver(detail);
    setTimeout(release.focusReason);
  });

  function learn(next) {
    const text = JSON.stringify(next);
    if (text === vocabularyText) return;
    vocabulary = next;
    vocabularyText = text;
    draw.setVocabulary(vocabulary);
    release.setVocabulary(vocabulary);
    fillQuick();
  }

  // One number of the first type that issues, for each place.
  function fillQuick() {
    const type = Object.keys(vocabulary.invoiceTypes).find(name => vocabulary.invoiceTypes[name] === 'issue');
    const places = vocabulary.sites
      .flatMap(({ id, partitions }) => partitions.map(partition => [id, partition]))
      .slice(0, QUICK_MAX);
    if (type === undefined) return;
    quick.replaceChildren(
      el('span', { class: 'quick-label' }, 'One ', el('b', null, type), ' number for'),
      ...places.map(([siteId, partitionId]) => {
        const run = () => void ask(NEXT_PATH, drawBody({ siteId, partitionId, invoiceType: type }));
        ui.commands.add({
          id: `draw-${siteId}-${partitionId}`,
          title: `Draw a number for ${siteId} / ${partitionId}`,
          hint: type,
          keywords: 'issue next quick',
          run,
        });
        return button(`${siteId} / ${shortPartition(partitionId)}`, `quick-${siteId}-${partitionId}`, run);
      }),
    );
  }

  async function ask(path, body, key = newKey()) {
    const text = JSON.stringify(body);
    // Pressed again before the answer: nobody wants that twice.
    if ([...underWay].some(mark => mark.path === path && mark.text === text)) return;
    const mark = { path, text };
    underWay.add(mark);
    const slow = setTimeout(() => {
      mark.slow = true;
      tellWaiting();
    }, SLOW_MS);
    const answer = await api.post(path, body, { idempotencyKey: key });
    clearTimeout(slow);
    underWay.delete(mark);
    tellWaiting();
    const entry = { path, body, key, answer, at: Date.now(), released: new Set() };
    if (answer.ok && path === RELEASE_PATH) noteReleased(answer.body);
    history = remember(history, entry);
    show(entry);
    // The release form takes over what was drawn last.
    const next = answer.ok && path === NEXT_PATH ? releasable(answer.body, entry.released) : undefined;
    if (next !== undefined) release.offer(next);
    const { title, numbers, owner } = summaryOf(entry);
    ui.announce(`${title} ${numbers} for ${owner}`, { urgent: !answer.ok });
  }

  function tellWaiting() {
    const slow = [...underWay].filter(mark => mark.slow).length;
    const text = slow === 1 ? 'No answer yet' : `${slow} requests without an answer yet`;
    setText(waiting, slow === 0 ? '' : `${text}; it is sent again with the same key for up to 10 s …`);
  }

  function noteReleased({ sequenceNumber, allocationId }) {
    for (const { answer, released } of history)
      if (answer.ok && answer.body.allocationId === allocationId) released.add(sequenceNumber);
  }

  const on = {
    release: fields =>
      void ask(RELEASE_PATH, releaseBody({ ...fields, reason: release.reason() || 'cancelled' })),
    again: ({ path, body, key }) => void ask(path, body, key),
    lookUp: number => void release.find(number),
  };

  function show(entry) {
    shown = entry;
    // The button that was pressed may be gone with the card; the focus must not be.
    const hadFocus = reply.contains(document.activeElement);
    const card = replyCard(app, entry, on);
    reply.replaceChildren(card);
    if (hadFocus) (card.querySelector('.buttons button') ?? card).focus();
    fillHistory();
  }

  function fillHistory() {
    setHidden(historyBox, history.length < 2);
    syncHistory(history);
  }

  function historyItem(entry) {
    const { shape, tone, title, numbers, owner } = summaryOf(entry);
    const parts = [
      glyph(shape),
      el('span', { class: 'what' }, title),
      el('span', { class: 'numbers' }, numbers),
      el('span', { class: 'owner' }, owner),
      el('time', null, clock(entry.at)),
    ];
    const props = { class: 'history-item', 'data-tone': tone };
    return el(
      'li',
      null,
      button(parts, undefined, () => show(entry), props),
    );
  }

  async function lookUp(number) {
    const answer = await api.get(`/api/v1/numbers/${number}?limit=1`);
    if (!answer.ok) return { text: answer.problem.detail || answer.problem.title };
    const { status, siteId, partitionId, invoiceType, allocationId } = answer.body.state;
    if (siteId === null) return { text: `${number} is ${STATUS_WORDS[status] ?? status}; nobody has it.` };
    const owner = { siteId, partitionId, invoiceType, allocationId };
    return {
      owner,
      text: `${number} belongs to ${siteId} / ${partitionId}, ${invoiceType}, allocation ${allocationId}.`,
    };
  }
}

const STATUS_WORDS = { pooled: 'in the pool', void: 'void', imported: 'of the numbering before' };

function shortPartition(name) {
  const short = /^partition-(.+)$/.exec(name)?.[1];
  return short === undefined ? name : short.toUpperCase();
}

function empty() {
  return el(
    'p',
    { class: 'empty' },
    'Nothing asked yet. Press one of the buttons above: the number comes from whichever node leads, and stays yours.',
  );
}
