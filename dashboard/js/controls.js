// Controls as several panels have them, and the ways from one panel to another.

import { el } from './dom.js';

/** A control below its label. */
export function field(label, control) {
  return el('label', { class: 'field' }, el('span', null, label), control);
}

/** A button that submits nothing. `props` as in el. */
export function button(label, testid, onclick, props) {
  return el('button', { type: 'button', 'data-testid': testid, onclick, ...props }, label);
}

/** The buttons that copy a request as commands: `curl` and `cli` give their texts. */
export function commandButtons(ui, { curl, cli }) {
  return [
    ui.copyButton('curl command', curl, { label: 'curl' }),
    ui.copyButton('CLI command', cli, { label: 'CLI' }),
  ];
}

/** The button of a form. */
export function submitButton(label, testid) {
  return el('button', { type: 'submit', class: 'primary', 'data-testid': testid }, label);
}

/** Takes a line of text, of which the browser keeps none. */
export function textInput(name, testid, placeholder, props) {
  return el('input', {
    type: 'text',
    name,
    maxlength: 200,
    placeholder,
    autocomplete: 'off',
    spellcheck: 'false',
    'data-testid': testid,
    ...props,
  });
}

/** Offers what `setChoices` gives it. */
export function select(name, testid, props) {
  return el('select', { name, 'data-testid': testid, ...props });
}

/**
 * Gives a select other choices: values, or [value, label]. What is chosen stays: `chosen`, even if it is none of them (a link may say
 * so), or else what was chosen before, if it still can be.
 */
export function setChoices(select, choices, chosen) {
  const pairs = choices.map(choice => (Array.isArray(choice) ? choice : [choice, choice]));
  const wanted = chosen ?? select.value;
  const isThere = pairs.some(([value]) => value === wanted);
  if (chosen !== undefined && !isThere) pairs.push([chosen, chosen]);
  select.replaceChildren(...pairs.map(([value, label]) => el('option', { value }, label)));
  if (chosen !== undefined || isThere) select.value = wanted;
}

/** Shows the number of a button with `data-number`, anywhere in `element`, with `open(number)`. */
export function onNumber(element, open) {
  element.addEventListener('click', ({ target }) => {
    const number = target.closest('[data-number]')?.dataset.number;
    if (number !== undefined) open(Number(number));
  });
}

/** Names and values in a row, without those that are not there. */
export function factList(facts) {
  return el(
    'dl',
    { class: 'fact-list' },
    facts.map(
      ([label, value]) =>
        value !== undefined &&
        value !== null &&
        el('div', null, el('dt', null, label), el('dd', null, value)),
    ),
  );
}

/** A shape before words that say the same. */
export function glyph(shape) {
  return el('span', { class: 'glyph', 'aria-hidden': 'true' }, shape);
}

/** What the panel "Draw and release" listens to on the document. */
export const RELEASE_EVENT = 'seqd:release';

/** Shows the life of a number. Back returns. */
export function openNumber({ links, ui }, number) {
  links.set({ find: number }, { push: true });
  ui.reveal('find');
}

/** Shows the rows of the audit trail that the filters take, a link as `auditLink` makes it. */
export function openAudit({ links, ui }, link) {
  links.set({ audit: link }, { push: true });
  ui.reveal('audit');
}

/** Fills in the form that gives a number back; `fields` as in a release, without the reason. */
export function openRelease({ ui }, fields) {
  document.dispatchEvent(new CustomEvent(RELEASE_EVENT, { detail: fields }));
  ui.reveal('actions');
}

/** A press that may be refused: waits for the problem, tells it if there is one, and gives whether there was none. */
export async function tellProblem({ ui }, doing) {
  const problem = await doing;
  if (problem !== undefined) ui.toast(`${problem.title}: ${problem.detail}`, { tone: 'bad' });
  return problem === undefined;
}
