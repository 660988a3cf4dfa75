// One demonstration to run: its name, and opened what it is about to do, what it breaks, its parameters and buttons.

import { button, commandButtons, submitButton } from './controls.js';
import { asCommand, asCurl, limitsOf, readParameter } from './demo-parameters.js';
import { el, setAttr, setHidden, setText } from './dom.js';

/** `on` has `toggle()` and `run(parameters)`. The card's `show(state)` brings it up to date. */
export function createDemoCard(description, { ui }, on) {
  const { name, title, plan, disturbs, seconds, parameters, unavailable } = description;
  const bodyId = `demo-body-${name}`;
  const fields = parameters.map(parameter => createField(name, parameter));
  const meta = el('span', { class: 'demo-meta muted' }, [
    disturbs !== '' && el('span', { class: 'badge', 'data-tone': 'warn' }, 'breaks'),
    `≈ ${seconds} s`,
  ]);
  const toggle = button([el('span', null, title), meta], `demo-toggle-${name}`, on.toggle, {
    class: 'demo-toggle',
    'aria-controls': bodyId,
  });
  const run = submitButton('Run', `demo-run-${name}`);
  const note = el('p', { class: 'demo-note', role: 'status', 'data-tone': 'warn' });
  const form = el(
    'form',
    { novalidate: true, onsubmit: submit },
    el(
      'div',
      { class: 'demo-fields' },
      fields.map(field => field.element),
    ),
    el(
      'div',
      { class: 'buttons' },
      run,
      commandButtons(ui, {
        curl: () => asCurl(location.origin, name, parameters, values()),
        cli: () => asCommand(location.origin, name, parameters, values()),
      }),
    ),
    note,
  );
  const body = el(
    'div',
    { id: bodyId, class: 'demo-body' },
    el('p', {}, plan),
    el(
      'p',
      { class: 'demo-note' },
      el('strong', {}, 'Breaks: '),
      disturbs === ''
        ? 'nothing; it only uses the interface.'
        : `${disturbs} All is restored before it ends.`,
    ),
    unavailable !== null && el('p', { class: 'demo-note', 'data-tone': 'warn' }, `Not here: ${unavailable}`),
    form,
  );

  /** Values that are within their limits; the others are left to their defaults. */
  function values() {
    return Object.fromEntries(
      fields.flatMap(field => {
        const read = field.read();
        return 'value' in read ? [[field.name, read.value]] : [];
      }),
    );
  }

  function submit(event) {
    event.preventDefault();
    const wrong = fields.find(field => field.check() !== undefined);
    setText(note, wrong?.check() ?? '');
    if (wrong === undefined) on.run(values());
    else wrong.focus();
  }

  return {
    element: el('li', { class: 'demo-card', dataset: { testid: `demo-card-${name}` } }, toggle, body),
    show({ open, busy, starting }) {
      setAttr(toggle, 'aria-expanded', String(open));
      setHidden(body, !open);
      setText(run, starting ? 'Starting …' : 'Run');
      setAttr(run, 'disabled', unavailable !== null || busy);
      setAttr(run, 'title', busy ? 'A demonstration is running; one at a time' : undefined);
    },
    focus: () => toggle.focus(),
  };
}

function createField(demo, parameter) {
  const id = `demo-${demo}-${parameter.name}`;
  const input = el('input', {
    id,
    type: 'number',
    step: '1',
    min: parameter.minimum,
    max: parameter.maximum,
    value: parameter.default,
    'aria-describedby': `${id}-limits`,
    dataset: { testid: `demo-param-${demo}-${parameter.name}` },
  });
  const read = () => readParameter(parameter, input.value);
  const check = () => {
    const { problem } = read();
    setAttr(input, 'aria-invalid', problem === undefined ? undefined : 'true');
    return problem;
  };
  input.addEventListener('change', check);
  return {
    name: parameter.name,
    read,
    check,
    focus: () => input.focus(),
    element: el(
      'div',
      { class: 'demo-field' },
      el('label', { for: id }, parameter.title),
      input,
      el('span', { id: `${id}-limits`, class: 'muted num' }, limitsOf(parameter)),
    ),
  };
}
