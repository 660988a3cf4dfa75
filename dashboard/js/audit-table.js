// The table of the audit trail. Its rows stay in place from page to page; only their texts change.

import { el, setAttr, setHidden, setText } from './dom.js';
import { AUDIT_HEADINGS, auditCells } from './audit-query.js';
import { dateClock } from './format.js';

const TONES = {
  issued: 'good',
  reissued: 'good',
  confirmed: 'good',
  released: 'info',
  void: 'bad',
  skipped: 'bad',
};

/** An element, and `show(rows, emptyText)`. */
export function createAuditTable() {
  const body = el('tbody', { dataset: { testid: 'audit-rows' } });
  const headings = ['Time (local)', 'Event', 'Numbers', ...AUDIT_HEADINGS];
  const scroll = el(
    'div',
    {
      class: 'scroll audit-scroll',
      tabindex: '0',
      role: 'region',
      'aria-label': 'Audit trail',
      dataset: { testid: 'audit-table' },
    },
    el('table', null, [
      el('caption', { class: 'visually-hidden' }, 'Audit trail'),
      el(
        'thead',
        null,
        el(
          'tr',
          null,
          headings.map(text => el('th', { scope: 'col' }, text)),
        ),
      ),
      body,
    ]),
  );
  const blank = el(
    'p',
    { class: 'empty', dataset: { testid: 'audit-empty' } },
    'The audit trail is read once you come here.',
  );
  const element = el('div', { class: 'audit-place' }, scroll, blank);
  setHidden(scroll, true);

  return {
    element,
    show(rows, emptyText) {
      setHidden(scroll, rows.length === 0);
      setHidden(blank, rows.length > 0);
      setText(blank, emptyText);
      while (body.rows.length > rows.length) body.lastElementChild.remove();
      while (body.rows.length < rows.length) body.append(makeRow(headings.length));
      rows.forEach((row, index) => fillRow(body.rows[index], row));
      scroll.scrollTop = 0;
    },
  };
}

function makeRow(columns) {
  const cells = Array.from({ length: columns }, (_, index) => el('td', null, makeContent(index)));
  return el('tr', null, cells);
}

function makeContent(index) {
  if (index === 0) return el('time');
  if (index === 1) return el('span', { class: 'badge' });
  if (index === 2) return el('button', { type: 'button', class: 'number' });
  return undefined;
}

function fillRow(element, row) {
  const { at, event, numbers, number, cells } = auditCells(row);
  const [time, badge, button, ...rest] = element.cells;
  setText(time.firstChild, dateClock(Date.parse(at)));
  setAttr(time.firstChild, 'datetime', at);
  setAttr(time.firstChild, 'title', at);
  setText(badge.firstChild, event);
  setAttr(
    badge.firstChild,
    'data-tone',
    row.event.endsWith('issued') && row.releasedTo !== null ? 'warn' : TONES[row.event],
  );
  setText(button.firstChild, numbers);
  setAttr(button.firstChild, 'data-number', number);
  cells.forEach((text, index) => setText(rest[index], text));
}
