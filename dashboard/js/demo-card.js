// One demonstration to run: its name, and opened what it is about to do, what it breaks, its parameters and buttons.

import { asCommand, asCurl, limitsOf, readParameter } from './demo-parameters.js';
import { el, setAttr, setHidden, setText } from './dom.js';

/** `on` has `toggle()`, `run(parameters)` and `cancel()`. The card's `show(state)` brings it up to date. */
export function createDemoCard(description, { ui }, on) {
  const { name, title, plan, disturbs, seconds, parameters, unavailable } = description;
  const bodyId = `demo-body-${name}`;
  const fields = parameters.map(parameter => createField(name, parameter));
  const toggle = el(
    'button',
    {
      type: 'button',
      class: 'demo-toggle',
      'aria-controls': bodyId,
      dataset: { testid: `demo-toggle-${name}` },
      onclick: on.toggle,
    },
    el('span', { class: 'demo-arrow', 'aria-hidden': 'true' }),
    el('span', { class: 'demo-title' }, title),
    el(
      'span',
      { class: 'demo-meta muted' },
      disturbs === '' ? '' : el('span', { class: 'demo-breaks' }, 'breaks'),
      `≈ ${seconds} s`,
    ),
  );
  const run = el(
    'button',
    { type: 'submit', class: 'primary', dataset: { testid: `demo-run-${name}` } },
    'Run',
  );
  const cancel = el(
    'button',
    { type: 'button', onclick: on.cancel, dataset: { testid: `demo-cancel-${name}` } },
    'Cancel',
  );
  const note = el('p', { class: 'demo-note', role: 'status' });
  const form = el(
    'form',
    { novalidate: true, onsubmit: submit },
    fields.length === 0
      ? null
      : el(
          'div',
          { class: 'demo-fields' },
          fields.map(field => field.element),
        ),
    el(
      'div',
      { class: 'demo-buttons' },
      run,
      cancel,
      ui.copyButton('curl command', () => asCurl(location.origin, name, parameters, values()), {
        label: 'curl',
      }),
      ui.copyButton('command line', () => asCommand(name, parameters, values()), { label: 'CLI' }),
    ),
    note,
  );
  const body = el(
    'div',
    { id: bodyId, class: 'demo-body' },
    el('p', {}, plan),
    el(
      'p',
      { class: 'demo-disturbs' },
      el('strong', {}, 'Breaks: '),
      disturbs === ''
        ? 'nothing; it only uses the interface.'
        : `${disturbs} All is restored before it ends.`,
    ),
    unavailable === null ? null : el('p', { class: 'demo-unavailable' }, `Not here: ${unavailable}`),
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
    show({ open, isRunning, busy, starting }) {
      setAttr(toggle, 'aria-expanded', String(open));
      setHidden(body, !open);
      setHidden(cancel, !isRunning);
      setHidden(run, isRunning);
      setText(run, starting ? 'Starting …' : 'Run');
      const blocked = unavailable !== null || busy;
      if (run.disabled !== blocked) run.disabled = blocked;
      setAttr(
        run,
        'title',
        busy && !isRunning ? 'Another demonstration is running; one at a time' : undefined,
      );
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
