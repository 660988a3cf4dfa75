// Who has how many numbers: by site, partition or type, as a table with bars.

import { button } from './controls.js';
import { GROUPINGS, groupingOf, rowsOf } from './distribution-rows.js';
import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { count } from './format.js';

const COLUMNS = [
  { key: 'issued', title: 'Issued now', part: 'of all issued' },
  { key: 'drawn', title: 'Drawn ever', part: 'of all drawn' },
  { key: 'released', title: 'Released', part: 'of what it drew' },
];

export function mount(section, { store, links }) {
  let grouping = groupingOf(links.get('by'));
  const buttons = GROUPINGS.map(({ id, label }, i) =>
    button(label, `by-${id}`, () => links.set({ by: i === 0 ? undefined : id })),
  );
  const first = el('th', { scope: 'col' });
  const body = el('tbody', {});
  const sums = COLUMNS.map(({ key }) => el('td', { class: 'num', dataset: { testid: `sum-${key}` } }));
  const table = el(
    'table',
    { class: 'distribution', dataset: { testid: 'distribution' } },
    el('caption', { class: 'visually-hidden' }, 'Numbers by owner'),
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        first,
        COLUMNS.map(({ title, part }) =>
          el('th', { scope: 'col' }, title, ' ', el('span', { class: 'distribution-part' }, part)),
        ),
      ),
    ),
    body,
    el('tfoot', {}, el('tr', {}, el('th', { scope: 'row' }, 'All'), sums)),
  );
  const empty = el('p', { class: 'empty' }, 'Nothing drawn yet. The first number brings the first bar.');
  const note = el('p', { class: 'muted distribution-note' }, 'Drawn counts a reused number each time.');
  section.append(
    el(
      'div',
      { class: 'panel-tools' },
      el('div', { class: 'segmented', role: 'group', 'aria-label': 'Distribution by' }, buttons),
    ),
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Distribution table' }, table),
    empty,
    note,
  );

  const sync = keyedList(body, {
    key: ({ name }) => name,
    make: ({ name }) => el('tr', {}, el('th', { scope: 'row' }, name), COLUMNS.map(cell)),
    update: (row, values) => {
      COLUMNS.forEach(({ key }, i) => {
        const { value, text, part } = values[key];
        const [bar, number, percent] = row.children[i + 1].firstChild.children;
        bar.firstChild.style.transform = `scaleX(${part})`;
        setText(number, count(value));
        setText(percent, text);
      });
    },
  });

  store.on('owners', show);
  links.on('by', id => {
    grouping = groupingOf(id);
    show();
  });
  show();

  function show() {
    GROUPINGS.forEach(({ id }, i) => setAttr(buttons[i], 'aria-pressed', String(id === grouping.id)));
    setText(first, grouping.label);
    const { rows, sum } = rowsOf(store.view?.owners[grouping.column] ?? {});
    setHidden(table, rows.length === 0);
    setHidden(note, rows.length === 0);
    setHidden(empty, rows.length > 0 || store.view === undefined);
    sync(rows);
    COLUMNS.forEach(({ key }, i) => setText(sums[i], count(sum[key])));
  }
}

function cell({ key }) {
  return el(
    'td',
    {},
    el(
      'div',
      { class: 'distribution-cell' },
      el(
        'span',
        { class: 'distribution-track', 'data-column': key },
        el('span', { class: 'distribution-bar' }),
      ),
      el('span', { class: 'num' }),
      el('span', { class: 'num distribution-percent' }),
    ),
  );
}
