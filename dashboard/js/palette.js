// All commands by name: a box to type in, a list to choose from (ARIA combobox with a listbox; it stands in index.html).

import { el, setAttr, setHidden, setText } from './dom.js';
import { count } from './format.js';
import { fuzzyFilter } from './fuzzy.js';

export function mount(_section, { ui, links }) {
  const button = document.querySelector('#palette-button');
  const box = document.querySelector('#palette');
  const input = box.querySelector('input');
  const list = box.querySelector('ul');
  const none = box.querySelector('.empty');
  let shown = [];
  let active = 0;

  function refresh() {
    const query = input.value;
    shown = [...numberCommands(query, { ui, links }), ...fuzzyFilter(query, ui.commands.list())];
    list.replaceChildren(
      ...shown.map((command, i) =>
        el(
          'li',
          {
            id: `palette-option-${i}`,
            role: 'option',
            'aria-selected': 'false',
            'data-command': command.id,
            onclick: () => run(command),
            onpointermove: () => activate(i),
          },
          [
            el('span', null, command.title),
            command.hint === undefined ? undefined : el('span', { class: 'muted small' }, command.hint),
          ],
        ),
      ),
    );
    setHidden(list, shown.length === 0);
    setHidden(none, shown.length > 0);
    setText(none, shown.length > 0 ? '' : `Nothing is called “${query.trim()}”.`);
    activate(0);
  }

  function activate(i) {
    list.children[active]?.setAttribute('aria-selected', 'false');
    active = i;
    const option = list.children[i];
    setAttr(input, 'aria-activedescendant', option?.id);
    if (option === undefined) return;
    option.setAttribute('aria-selected', 'true');
    option.scrollIntoView({ block: 'nearest' });
  }

  function run(command) {
    box.close();
    command.run();
  }

  input.addEventListener('input', refresh);
  input.addEventListener('keydown', event => {
    const last = shown.length - 1;
    const moves = {
      ArrowDown: active >= last ? 0 : active + 1,
      ArrowUp: active <= 0 ? last : active - 1,
    };
    if (moves[event.key] !== undefined) {
      event.preventDefault();
      if (last >= 0) activate(moves[event.key]);
    } else if (event.key === 'Enter' && !event.isComposing) {
      event.preventDefault();
      if (shown[active] !== undefined) run(shown[active]);
    }
  });
  box.addEventListener('click', event => {
    if (event.target === box) box.close();
  });
  box.addEventListener('close', () => list.replaceChildren());

  function open() {
    if (box.open) return;
    input.value = '';
    refresh();
    box.showModal();
    input.focus();
  }
  button.addEventListener('click', open);
  document.addEventListener('keydown', event => {
    if (
      event.key.toLowerCase() !== 'k' ||
      !(event.ctrlKey || event.metaKey) ||
      event.altKey ||
      event.shiftKey
    )
      return;
    event.preventDefault();
    if (box.open) box.close();
    else if (document.querySelector('dialog[open]') === null) open();
  });
}

/** What is only digits is a number somebody looks for. */
function numberCommands(query, { ui, links }) {
  const digits = query.trim().replaceAll(/[\s,.']/g, '');
  const number = Number(digits);
  if (!/^\d+$/.test(digits) || number < 1 || !Number.isSafeInteger(number)) return [];
  const run = () => {
    links.set({ find: number }, { push: true });
    ui.reveal('find');
  };
  return [{ id: 'find-number', title: `Find number ${count(number)}`, hint: 'its whole life', run }];
}
