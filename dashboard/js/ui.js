// What every panel needs to talk to people.
//
//   ui.toast(text, {tone: 'info' | 'good' | 'warn' | 'bad', ms?})   a short notice, read out too
//   ui.announce(text, {urgent?})                                   read out only
//   ui.copy(text, what) → Promise<boolean>                         to the clipboard; says "<what> copied"
//   ui.copyButton(what, text: () => string, {label?})              a button that does it
//   ui.dialog({title, body: node | nodes, actions: [{label, value, tone}], wide?, testid?}) → Promise<value | undefined>
//                                                                  undefined: closed with Escape or the cross
//   ui.commands.add({id, title, hint?, keywords?, run}) → remove   for the palette (Ctrl-K)
//   ui.reveal(section)                                             scrolls to a section and gives it the focus

import { el } from './dom.js';
import { icon } from './icons.js';
import { bringIntoView } from './into-view.js';

const TOAST_MS = 5_000;
const TOASTS_MAX = 4;

export function createUi({ links }) {
  const polite = document.querySelector('#announcer');
  const urgent = document.querySelector('#announcer-urgent');
  const toasts = document.querySelector('#toasts');
  const commands = new Map();

  /** Outside of an open modal dialog nothing can be pressed and nothing is read out. */
  function surface() {
    const top = document.querySelector('dialog[open]') ?? document.body;
    // Put in anew, they would lose the focus, and be other regions to a screen reader.
    if (toasts.parentElement !== top) top.append(toasts, polite, urgent);
  }
  // Before a dialog takes them with it.
  document.addEventListener('close', surface, true);

  function announce(text, { urgent: isUrgent = false } = {}) {
    const region = isUrgent ? urgent : polite;
    // The same text again is only read when it came anew.
    region.textContent = '';
    surface();
    setTimeout(() => {
      region.textContent = text;
    }, 30);
  }

  function toast(text, { tone = 'info', ms = TOAST_MS } = {}) {
    const close = el(
      'button',
      {
        type: 'button',
        class: 'ghost icon-button',
        'aria-label': 'Dismiss notice',
        onclick: () => notice.remove(),
      },
      icon('cross'),
    );
    const notice = el('div', { class: 'toast', 'data-tone': tone, 'data-testid': 'toast' }, [
      icon(TONE_ICONS[tone] ?? 'info'),
      el('p', null, text),
      close,
    ]);
    while (toasts.childElementCount >= TOASTS_MAX) toasts.firstElementChild.remove();
    toasts.append(notice);
    announce(text, { urgent: tone === 'bad' });
    let left;
    const leave = () => {
      clearTimeout(left);
      left = setTimeout(() => notice.remove(), ms);
    };
    leave();
    for (const type of ['pointerenter', 'focusin']) notice.addEventListener(type, () => clearTimeout(left));
    for (const type of ['pointerleave', 'focusout']) notice.addEventListener(type, leave);
  }

  async function copy(text, what) {
    const done = await copyText(text);
    toast(done ? `${what} copied` : `${what} could not be copied: the browser does not allow it`, {
      tone: done ? 'good' : 'bad',
      ms: 2_500,
    });
    return done;
  }

  function copyButton(what, text, { label } = {}) {
    return el(
      'button',
      {
        type: 'button',
        class: label === undefined ? 'ghost icon-button' : 'ghost',
        'aria-label': label === undefined ? `Copy ${what}` : undefined,
        title: `Copy ${what}`,
        onclick: () => void copy(text(), what[0].toUpperCase() + what.slice(1)),
      },
      [icon('copy'), label],
    );
  }

  function dialog({ title, body, actions = [{ label: 'Close', value: undefined }], wide = false, testid }) {
    return new Promise(resolve => {
      let result;
      const close = value => {
        result = value;
        box.close();
      };
      const heading = el('h2', { id: `dialog-${++dialogs}` }, title);
      const box = el(
        'dialog',
        { class: wide ? 'wide' : undefined, 'aria-labelledby': heading.id, 'data-testid': testid },
        el('header', null, [
          heading,
          el(
            'button',
            {
              type: 'button',
              class: 'ghost icon-button',
              'aria-label': 'Close',
              onclick: () => close(undefined),
            },
            icon('cross'),
          ),
        ]),
        el('div', { class: 'dialog-body' }, body),
        actions.length === 0
          ? undefined
          : el(
              'footer',
              null,
              actions.map(({ label, value, tone }) =>
                el('button', { type: 'button', class: tone, onclick: () => close(value) }, label),
              ),
            ),
      );
      box.addEventListener('click', event => {
        if (event.target === box) close(undefined);
      });
      box.addEventListener('close', () => {
        box.remove();
        resolve(result);
      });
      document.body.append(box);
      box.showModal();
    });
  }

  function reveal(id) {
    const section = document.getElementById(id);
    if (section === null) return;
    links.set({ section: id });
    const heading = section.querySelector('h2') ?? section;
    heading.setAttribute('tabindex', '-1');
    heading.focus({ preventScroll: true });
    bringIntoView(section);
  }

  return {
    toast,
    announce,
    copy,
    copyButton,
    dialog,
    reveal,
    commands: {
      add(command) {
        commands.set(command.id, command);
        return () => commands.delete(command.id);
      },
      list: () => [...commands.values()],
    },
  };
}

let dialogs = 0;

const TONE_ICONS = { good: 'check', warn: 'warning', bad: 'warning', info: 'info' };

// The clipboard interface exists on secure origins only, and a LAN address is none.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement;
    const area = el('textarea', { class: 'visually-hidden', 'aria-hidden': 'true', tabindex: '-1' });
    area.value = text;
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    before?.focus({ preventScroll: true });
    return done;
  }
}
