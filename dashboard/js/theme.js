// Light, dark, or what the system says; remembered on this machine.

import { setAttr } from './dom.js';
import { icon } from './icons.js';

const KEY = 'seqd.theme';
const THEMES = ['system', 'light', 'dark'];
const ICONS = { system: 'system', light: 'sun', dark: 'moon' };

/** Charts and the like redraw on the window's event `seqd:theme`, which comes too when the system changes. */
export function mountTheme(button, ui) {
  const root = document.documentElement;
  let theme = THEMES.includes(root.dataset.theme) ? root.dataset.theme : 'system';

  function show() {
    if (theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme;
    setAttr(button, 'aria-label', `Theme: ${theme}`);
    setAttr(button, 'title', `Theme: ${theme}`);
    button.replaceChildren(icon(ICONS[theme]));
    window.dispatchEvent(new Event('seqd:theme'));
  }

  function choose(next) {
    theme = next;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // It holds for this visit.
    }
    show();
    ui.announce(`Theme: ${theme}`);
  }

  button.addEventListener('click', () => choose(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    if (theme === 'system') window.dispatchEvent(new Event('seqd:theme'));
  });
  for (const name of THEMES)
    ui.commands.add({
      id: `theme-${name}`,
      title: `Theme: ${name}`,
      keywords: 'dark light colours appearance',
      run: () => choose(name),
    });
  show();
}
