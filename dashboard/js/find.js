// Find a number: what it is now, and its whole life.

import { button, glyph, openAudit, openRelease, submitButton, textInput } from './actions-controls.js';
import { showCommand } from './actions-command.js';
import { el, setHidden, setText } from './dom.js';
import { explainMissing, lifeNotes, parseNumber, stateOf } from './find-life.js';
import { followNumber } from './find-follow.js';
import { createTimeline } from './find-timeline.js';
import { plural } from './format.js';

/** Events of a page of a long life. */
const PAGE = 100;

/** Fills the section. */
export function mount(section, app) {
  const { store, api, ui, links } = app;
  let shown;
  let next = null;
  let lastPosition;
  let asked = 0;

  const input = textInput('number', 'find-number', '4711', {
    id: 'find-number',
    inputmode: 'numeric',
    maxlength: 40,
    'aria-describedby': 'find-error',
    'aria-keyshortcuts': '/',
    'data-shortcut': 'find',
  });
  const error = el('p', {
    id: 'find-error',
    class: 'find-error',
    role: 'alert',
    dataset: { testid: 'find-error' },
  });
  const previous = stepButton('‹', 'Previous number', 'find-previous', -1);
  const following = stepButton('›', 'Next number', 'find-following', 1);
  const form = el('form', { class: 'find-form', role: 'search', 'aria-label': 'Find a number' }, [
    el('label', { for: input.id, class: 'visually-hidden' }, 'Number'),
    input,
    submitButton('Find', 'find-go'),
    previous,
    following,
    el('kbd', { 'aria-hidden': 'true', title: 'Press / to come here' }, '/'),
  ]);

  const state = el('div', { class: 'find-state', dataset: { testid: 'find-state' } });
  const notes = el('div', { class: 'find-notes' });
  const buttons = el('div', { class: 'buttons' });
  const timeline = createTimeline();
  const more = button('', 'find-more', () => void loadMore());
  const foot = el('p', { class: 'find-foot muted small', dataset: { testid: 'find-foot' } });
  const life = el('div', { class: 'life', dataset: { testid: 'life' } }, [
    state,
    buttons,
    notes,
    timeline.element,
    more,
    foot,
  ]);
  const blank = el(
    'p',
    { class: 'empty', dataset: { testid: 'find-empty' } },
    'Any number of the series: who has it, for which document, and everything that ever happened to it.',
  );
  setHidden(life, true);
  section.append(form, error, blank, life);

  form.addEventListener('submit', event => {
    event.preventDefault();
    const parsed = parseNumber(input.value);
    if (parsed.number === undefined) return complain(parsed.why || 'Which number?');
    if (parsed.number === shown) void load(parsed.number);
    else links.set({ find: parsed.number }, { push: true });
  });
  input.addEventListener('input', () => complain(''));
  links.on('find', follow);
  followNumber(store, {
    number: () => shown,
    look: () => void (lastPosition === undefined ? load(shown) : refresh()),
    isSeen: () => isInView(section),
  });
  ui.commands.add({
    id: 'find-number',
    title: 'Find a number',
    hint: '/',
    keywords: 'search life timeline show',
    run: () => {
      ui.reveal('find');
      input.focus();
    },
  });
  follow(links.get('find'));

  function follow(value) {
    if (value === undefined) return clear();
    const parsed = parseNumber(value);
    input.value = value;
    if (parsed.number === undefined) {
      clear(value);
      complain(parsed.why);
    } else void load(parsed.number);
  }

  function clear(text = '') {
    asked += 1;
    shown = undefined;
    input.value = text;
    complain('');
    setHidden(blank, false);
    setHidden(life, true);
    setSteps();
  }

  function complain(text) {
    setText(error, text);
    if (text === '') input.removeAttribute('aria-invalid');
    else input.setAttribute('aria-invalid', 'true');
  }

  async function load(number) {
    const turn = ++asked;
    complain('');
    input.value = String(number);
    life.setAttribute('aria-busy', 'true');
    const isOther = shown !== number;
    shown = number;
    setSteps();
    if (isOther) {
      lastPosition = undefined;
      setHidden(more, true);
    }
    const answer = await api.get(`/api/v1/numbers/${number}?limit=${PAGE}`);
    if (turn !== asked) return;
    life.removeAttribute('aria-busy');
    setHidden(blank, true);
    setHidden(life, false);
    if (!answer.ok) return showMissing(number, answer.problem);
    timeline.set(number, answer.body.events);
    take(answer.body);
    const { title } = stateOf(answer.body);
    if (isOther) ui.announce(`${number}: ${title}, ${plural(answer.body.events.length, 'event')}`);
  }

  async function loadMore() {
    const turn = asked;
    const number = shown;
    more.setAttribute('aria-busy', 'true');
    const answer = await api.get(`/api/v1/numbers/${number}?limit=${PAGE}&after=${lastPosition}`);
    more.removeAttribute('aria-busy');
    if (turn !== asked) return;
    if (!answer.ok) return ui.toast(answer.problem.title, { tone: 'bad' });
    timeline.add(answer.body.events);
    take(answer.body);
  }

  /** What has happened since, or the same again; the events that are there stay as they are. */
  async function refresh() {
    const turn = asked;
    const number = shown;
    if (number === undefined) return;
    // While a page of a long life is missing, only the state is new.
    const isWhole = next === null && lastPosition !== undefined;
    const query = isWhole ? `limit=${PAGE}&after=${lastPosition}` : `limit=${PAGE}`;
    const answer = await api.get(`/api/v1/numbers/${number}?${query}`);
    if (turn !== asked || !answer.ok) return;
    if (isWhole) timeline.add(answer.body.events, { isNew: true });
    else if (next === null) timeline.set(number, answer.body.events);
    take(isWhole || next === null ? answer.body : { ...answer.body, next, events: [] });
  }

  function take(body) {
    next = body.next;
    lastPosition = body.events.at(-1)?.position ?? lastPosition;
    showState(body);
    notes.replaceChildren(
      ...lifeNotes(body).map(({ tone, text }) => el('p', { class: 'note', 'data-tone': tone }, text)),
    );
    setHidden(more, next === null);
    setText(more, `Show more (after batch ${lastPosition})`);
    const source = body.ledger === null ? 'etcd' : `ledger up to batch ${body.ledger.batch}`;
    setText(
      foot,
      `${plural(timeline.size, 'event')}${next === null ? '' : ' and more'} · ${source}, journal up to batch ` +
        `${body.journal.batch} · told by ${body.node} at revision ${body.revision}`,
    );
  }

  function showState(body) {
    const { shape, tone, title, says } = stateOf(body);
    const { siteId, partitionId, invoiceType, allocationId, reason } = body.state;
    const owner = siteId === null ? '' : `${siteId} / ${partitionId} · ${invoiceType}`;
    state.dataset.tone = tone;
    state.dataset.status = body.state.status;
    state.replaceChildren(
      glyph(shape),
      el('strong', { class: 'find-shown' }, body.number),
      el('b', null, title),
      el('span', { class: 'says' }, [owner || says, reason ? ` (${reason})` : '']),
    );
    const hadFocus = buttons.contains(document.activeElement)
      ? document.activeElement.dataset.testid
      : undefined;
    buttons.replaceChildren(
      ...[
        siteId !== null &&
          body.state.status === 'issued' &&
          button('Release …', 'find-release', () =>
            openRelease(app, { sequenceNumber: body.number, siteId, partitionId, invoiceType, allocationId }),
          ),
        button('Audit rows', 'find-audit', () => openAudit(app, `number=${body.number}`)),
        ui.copyButton('link', () => new URL(links.href({ section: 'find' }), location.href).href, {
          label: 'Link',
        }),
        ui.copyButton('CLI command', () => showCommand(body.number, { origin: location.origin }), {
          label: 'CLI',
        }),
      ].filter(Boolean),
    );
    if (hadFocus !== undefined) buttons.querySelector(`[data-testid="${hadFocus}"]`)?.focus();
  }

  function showMissing(number, problem) {
    const { title, text } = explainMissing(number, problem);
    const isUnknown = problem.code === 'never_issued';
    next = null;
    lastPosition = undefined;
    timeline.set(number, []);
    state.dataset.tone = isUnknown ? 'soft' : 'bad';
    state.dataset.status = isUnknown ? 'never-issued' : 'problem';
    state.replaceChildren(
      glyph(isUnknown ? '·' : '▲'),
      el('b', null, title),
      el('span', { class: 'says' }, text),
    );
    buttons.replaceChildren(
      ...(isUnknown ? [] : [button('Try again', 'find-again', () => void load(number))]),
    );
    notes.replaceChildren();
    setHidden(more, true);
    setText(foot, isUnknown ? 'It appears here at once when it is drawn.' : '');
    ui.announce(`${title}. ${text}`);
  }

  function setSteps() {
    previous.disabled = shown === undefined || shown <= 1;
    following.disabled = shown === undefined;
  }

  function stepButton(text, label, testid, by) {
    return button(text, testid, () => links.set({ find: shown + by }), {
      class: 'icon-button',
      disabled: true,
      'aria-label': label,
      title: label,
    });
  }
}

function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}
