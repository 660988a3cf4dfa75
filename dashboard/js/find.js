// Find a number: what it is now, and its whole life.

import { button, submitButton, textInput } from './controls.js';
import { el, setAttr, setHidden, setText } from './dom.js';
import { createLifeCard } from './find-card.js';
import { followNumber } from './find-follow.js';
import { continueLife, parseNumber } from './find-life.js';

/** Events of a page of a long life. */
const PAGE = 100;

/** Fills the section. */
export function mount(section, app) {
  const { store, api, ui, links } = app;
  let shown;
  /** The last answer about it, with what earlier ones said that holds on. */
  let life;
  /** Whether nothing is shown of it because it was never issued. */
  let isMissing = false;
  /** Where the next page of its life begins, if there is one, and the last event that is shown. */
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

  const card = createLifeCard(app, {
    more: () => void goOn(),
    again: () => void load(shown, { isAsked: true }),
  });
  const blank = el(
    'p',
    { class: 'empty', dataset: { testid: 'find-empty' } },
    'Any number of the series: who has it, for which document, and everything that ever happened to it.',
  );
  setHidden(card.element, true);
  section.append(form, error, blank, card.element);

  form.addEventListener('submit', event => {
    event.preventDefault();
    const parsed = parseNumber(input.value);
    if (parsed.number === undefined) return complain(parsed.why || 'Which number?');
    if (parsed.number === shown) void load(parsed.number, { isAsked: true });
    else links.set({ find: parsed.number }, { push: true });
  });
  input.addEventListener('input', () => complain(''));
  links.on('find', follow);
  followNumber(store, {
    number: () => shown,
    look,
    isSeen: () => isInView(section),
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
    setBusy(false);
    shown = undefined;
    input.value = text;
    complain('');
    setHidden(blank, false);
    setHidden(card.element, true);
    setSteps();
  }

  function complain(text) {
    setText(error, text);
    setAttr(input, 'aria-invalid', text === '' ? undefined : 'true');
  }

  async function load(number, { isAsked = shown !== number } = {}) {
    const turn = ++asked;
    setBusy(true);
    const isOther = shown !== number;
    shown = number;
    setSteps();
    // Looked at again by itself, it must not disturb somebody who types another number.
    if (isOther) {
      complain('');
      input.value = String(number);
      lastPosition = undefined;
      next = null;
    }
    const answer = await api.get(lifeOf(number));
    if (turn !== asked) return;
    setBusy(false);
    setHidden(blank, true);
    setHidden(card.element, false);
    let told;
    if (answer.ok) {
      take(answer.body, { isWhole: true });
      told = card.summary(answer.body);
    } else {
      isMissing = answer.problem.code === 'never_issued';
      next = null;
      lastPosition = undefined;
      told = card.showMissing(number, answer.problem);
    }
    if (isAsked) ui.announce(told);
  }

  /** The next page of a long life, or what has happened since: events that are there stay as they are. */
  async function goOn({ isNew = false } = {}) {
    const turn = asked;
    const after = lastPosition;
    // Another number is on its way.
    if (after === undefined) return;
    const answer = await api.get(`${lifeOf(shown)}&after=${after}`);
    if (turn !== asked) return;
    if (!answer.ok) {
      if (!isNew) ui.toast(answer.problem.title, { tone: 'bad' });
      return;
    }
    // Asked twice at once: the other answer has brought these events, but perhaps not the last of them.
    if (after !== lastPosition) return look();
    take(answer.body, { isNew });
  }

  /** Something has happened to it, or, in doubt, may have. */
  function look(isTold = true) {
    // Where the series has not come to there is nothing new, and each such question would be an error in the console.
    if (!isTold && isMissing && shown >= store.view.numbers.next) return;
    if (lastPosition === undefined) void load(shown);
    else if (next === null) void goOn({ isNew: true });
    else void lookAtState();
  }

  /** While a page of a long life is missing, only the state is new. */
  async function lookAtState() {
    const turn = asked;
    const answer = await api.get(lifeOf(shown, 1));
    if (turn === asked && answer.ok) take({ ...answer.body, next, events: [] });
  }

  function take(body, how) {
    isMissing = false;
    next = body.next;
    lastPosition = body.events.at(-1)?.position ?? lastPosition;
    life = how?.isWhole ? body : continueLife(life, body);
    card.show(life, { lastPosition, ...how });
  }

  function setBusy(busy) {
    setAttr(card.element, 'aria-busy', busy ? 'true' : undefined);
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

/** The address of a page of a number's life. */
function lifeOf(number, limit = PAGE) {
  return `/api/v1/numbers/${number}?limit=${limit}`;
}

function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}
