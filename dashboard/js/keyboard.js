// Keys that work anywhere on the page, and the dialog that lists them. Ctrl-K is the palette's own.

import { el } from './dom.js';
import { startTour } from './tour.js';

const SHORTCUTS = [
  [['/'], 'Find a number'],
  [['Ctrl K', '⌘ K'], 'Commands: everything the page can do, by name'],
  [['p'], 'Pause the charts, and go on'],
  [['←', '→'], 'On a chart: what it was then'],
  [['?'], 'This list'],
  [['Esc'], 'Close what is open'],
];

export function mount(_section, app) {
  const { ui } = app;
  const help = () => void showHelp(app);
  const button = document.querySelector('#help-button');
  button.addEventListener('click', help);
  ui.commands.add({
    id: 'help',
    title: 'Keyboard shortcuts and help',
    hint: '?',
    keywords: 'keys about',
    run: help,
  });
  ui.commands.add({
    id: 'find',
    title: 'Find a number',
    hint: '/',
    keywords: 'search look up',
    run: () => focusFind(ui),
  });

  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
    if (event.key === '/') {
      event.preventDefault();
      focusFind(ui);
    } else if (event.key === '?') {
      event.preventDefault();
      help();
    }
  });
}

function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function focusFind(ui) {
  const input = document.querySelector('[data-shortcut="find"]');
  if (input === null) {
    ui.reveal('find');
    return;
  }
  input.scrollIntoView({ block: 'center' });
  input.focus({ preventScroll: true });
  input.select?.();
}

async function showHelp(app) {
  const keys = el(
    'dl',
    { class: 'shortcuts' },
    SHORTCUTS.flatMap(([names, what]) => [
      el(
        'dt',
        null,
        names.flatMap((name, i) => [i === 0 ? undefined : ' or ', el('kbd', null, name)]),
      ),
      el('dd', null, what),
    ]),
  );
  const choice = await app.ui.dialog({
    title: 'Keyboard shortcuts',
    testid: 'shortcuts',
    body: [
      keys,
      el(
        'p',
        { class: 'muted small help-note' },
        'The address of the page keeps what you look for and the ranges you chose: copy it to show somebody the same.',
      ),
    ],
    actions: [
      { label: 'Show me around', value: 'tour' },
      { label: 'Close', value: undefined, tone: 'primary' },
    ],
  });
  if (choice === 'tour') startTour(app);
}
