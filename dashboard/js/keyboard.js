// Keys that work anywhere on the page, and the dialog that lists them (its texts stand in index.html). Ctrl-K is the palette's own.

import { bringIntoView } from './into-view.js';
import { startTour } from './tour.js';

const KEY = 'seqd.keys';
/** Keys without Ctrl; somebody who speaks to the computer presses them without meaning to. */
let areOn = true;
try {
  areOn = localStorage.getItem(KEY) !== 'off';
} catch {
  // It holds for this visit.
}

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
    if (isShortcut(event, '/')) focusFind(ui);
    else if (isShortcut(event, '?')) help();
  });
}

/** Whether somebody pressed a key that is a command by itself; then it does nothing else. */
export function isShortcut(event, key) {
  if (event.key !== key || !areOn || event.repeat || event.defaultPrevented) return false;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.target.closest?.('input, textarea, select') || document.querySelector('dialog[open]'))
    return false;
  event.preventDefault();
  return true;
}

function focusFind(ui) {
  const input = document.querySelector('[data-shortcut="find"]');
  if (input === null) {
    ui.reveal('find');
    return;
  }
  bringIntoView(input, { block: 'center', behavior: 'auto' });
  input.focus({ preventScroll: true });
  input.select?.();
}

async function showHelp(app) {
  const body = document.querySelector('#shortcuts-text').content.cloneNode(true);
  const single = body.querySelector('input');
  single.checked = areOn;
  single.addEventListener('change', () => {
    areOn = single.checked;
    try {
      localStorage.setItem(KEY, areOn ? 'on' : 'off');
    } catch {
      // It holds for this visit.
    }
  });
  const choice = await app.ui.dialog({
    title: 'Keyboard shortcuts',
    testid: 'shortcuts',
    body,
    actions: [
      { label: 'Show me around', value: 'tour' },
      { label: 'Close', value: undefined, tone: 'primary' },
    ],
  });
  if (choice === 'tour') startTour(app, true);
}
