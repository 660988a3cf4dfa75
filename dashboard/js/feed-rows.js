// The rows of the feed: at most so many elements, made once and used again. The newest is on top.

import { el, setAttr, setText } from './dom.js';
import { feedRow } from './feed-filter.js';
import { clock, dateClock } from './format.js';

/** Rows while many events come: a little more than is seen. */
const FEW = 24;

/**
 * `push(events, {few})` puts events (oldest first) on top; with `few` only as many rows stay as are seen. `fill()` brings back the
 * others. `clear()`, `size`, `events()`.
 */
export function createRows(list, max) {
  /** Newest first: elements with their texts. */
  let rows = [];
  /** Oldest first: what there would be rows for. */
  let shown = [];

  function write(row, event) {
    const { shape, tone, what, numbers, number, who, about } = feedRow(event);
    const { parts } = row;
    setAttr(row.element, 'data-tone', tone);
    setAttr(row.element, 'data-category', event.category);
    setAttr(row.element, 'data-kind', event.kind);
    setText(parts.time, clock(event.at));
    // Of the day before, perhaps.
    setAttr(parts.time, 'title', dateClock(event.at));
    setText(parts.shape, shape);
    setText(parts.what, what);
    setText(parts.numbers, numbers);
    setText(parts.who, who);
    setText(parts.about, about);
    setAttr(parts.numbers, 'data-number', number ?? undefined);
    if (parts.numbers.hidden !== (number === null)) parts.numbers.hidden = number === null;
  }

  function filled(row, event) {
    write(row, event);
    return row;
  }

  return {
    get size() {
      return shown.length;
    },
    events: () => shown,
    push(events, { few = false } = {}) {
      const limit = few ? FEW : max;
      shown = [...shown, ...events].slice(-max);
      const fresh = events.slice(-limit);
      for (const { element } of rows.splice(limit)) element.remove();
      if (fresh.length === rows.length) {
        // All of them are others now: nothing has to move.
        fresh.forEach((event, index) => write(rows[rows.length - 1 - index], event));
        return;
      }
      const over = Math.max(0, rows.length + fresh.length - limit);
      const recycled = rows.splice(rows.length - over);
      const added = fresh.toReversed().map((event, index) => filled(recycled[index] ?? makeRow(), event));
      // One insertion for all, on top.
      list.prepend(...added.map(({ element }) => element));
      rows = [...added, ...rows];
    },
    fill() {
      const missing = shown.slice(0, shown.length - rows.length).toReversed();
      const added = missing.map(event => filled(makeRow(), event));
      list.append(...added.map(({ element }) => element));
      rows.push(...added);
    },
    clear() {
      rows = [];
      shown = [];
      list.replaceChildren();
    },
  };
}

function makeRow() {
  const parts = {
    time: el('time'),
    shape: el('span', { class: 'glyph', 'aria-hidden': 'true' }),
    what: el('span', { class: 'what' }),
    numbers: el('button', { type: 'button', class: 'number' }),
    who: el('span', { class: 'who' }),
    about: el('span', { class: 'about' }),
  };
  return { element: el('li', { dataset: { testid: 'feed-row' } }, Object.values(parts)), parts };
}
