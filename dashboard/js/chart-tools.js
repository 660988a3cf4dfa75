// What stands around the charts: above them the buttons for range and pause, which are commands and keys too; below them the
// list of what the marks mean.

import { RANGES } from './chart-range.js';
import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { clock } from './format.js';
import { isShortcut } from './keyboard.js';

/** `show({ range, paused, at })` says what is chosen; `at` is the time of the last sample before the pause. */
export function createChartTools({ ui }, { setRange, setPaused }) {
  let paused = false;
  const toggle = () => setPaused(!paused);
  const ranges = RANGES.map(range =>
    el(
      'button',
      {
        type: 'button',
        'aria-pressed': 'false',
        dataset: { testid: `range-${range.id}` },
        onclick: () => setRange(range.id),
      },
      range.label,
    ),
  );
  const pause = el('button', {
    type: 'button',
    class: 'chart-pause',
    'aria-keyshortcuts': 'p',
    title: 'Freeze the charts (key p); data goes on',
    dataset: { testid: 'charts-pause' },
    onclick: toggle,
  });
  const note = el('p', { class: 'chart-paused', role: 'status', dataset: { testid: 'charts-paused' } });

  for (const range of RANGES) {
    ui.commands.add({
      id: `charts-${range.id}`,
      title: `Charts: ${range.spoken}`,
      keywords: 'range time',
      run: () => {
        setRange(range.id);
        ui.reveal('charts');
      },
    });
  }
  ui.commands.add({ id: 'charts-pause', title: 'Charts: pause or resume', hint: 'p', run: toggle });
  document.addEventListener('keydown', event => {
    if (isShortcut(event, 'p')) toggle();
  });

  return {
    element: el(
      'div',
      { class: 'panel-tools' },
      note,
      el('div', { class: 'segmented', role: 'group', 'aria-label': 'Range of the charts' }, ranges),
      pause,
    ),
    show(state) {
      paused = state.paused;
      RANGES.forEach(({ id }, i) => setAttr(ranges[i], 'aria-pressed', String(id === state.range.id)));
      setText(pause, paused ? '▶ Resume' : '❚❚ Pause');
      setText(note, paused ? `Paused at ${clock(state.at)}. Data goes on and is kept.` : '');
      setHidden(note, !paused);
    },
  };
}

/** What the numbers on the charts mean; `show(marks, range)` lists them, newest first. */
export function createMarkList() {
  const list = el('ol', { class: 'chart-marks', tabindex: '0', 'aria-label': 'Events marked on the charts' });
  const none = el('p', { class: 'chart-marks-none muted' });
  const sync = keyedList(list, {
    key: mark => mark.id,
    make: mark =>
      el(
        'li',
        { 'data-demo': String(mark.demo) },
        el('span', { class: 'chart-mark-number' }, mark.number),
        el('time', { datetime: new Date(mark.at).toISOString() }, clock(mark.at)),
        el('span', {}, mark.text),
      ),
    update: () => {},
  });
  let shown;
  return {
    element: el('div', { class: 'chart-marks-box', dataset: { testid: 'chart-marks' } }, list, none),
    show(marks, range) {
      const key = `${range.id} ${marks.length} ${marks[0]?.id} ${marks.at(-1)?.id}`;
      if (key === shown) return;
      shown = key;
      sync(marks.toReversed());
      setHidden(list, marks.length === 0);
      setHidden(none, marks.length > 0);
      setText(
        none,
        `No node, member or leader has changed in the ${range.spoken}, and no demonstration ran.`,
      );
    },
  };
}
