// What stands around the charts, in index.html: above them the buttons for range and pause, which are commands and keys too;
// below them the list of what the marks mean.

import { RANGES } from './chart-range.js';
import { copyOf, keyedList, partsOf, setAttr, setHidden, setText } from './dom.js';
import { clock } from './format.js';
import { isShortcut } from './keyboard.js';

/** A function `show({ range, paused, at })` of what is chosen; `at` is the time of the last sample before the pause. */
export function createChartTools(part, { ui }, { setRange, setPaused }) {
  let isPaused = false;
  const toggle = () => setPaused(!isPaused);
  for (const { id, spoken } of RANGES) {
    part[`range-${id}`].addEventListener('click', () => setRange(id));
    ui.commands.add({
      id: `charts-${id}`,
      title: `Charts: ${spoken}`,
      keywords: 'range time',
      run: () => {
        setRange(id);
        ui.reveal('charts');
      },
    });
  }
  part['charts-pause'].addEventListener('click', toggle);
  ui.commands.add({ id: 'charts-pause', title: 'Charts: pause or resume', hint: 'p', run: toggle });
  document.addEventListener('keydown', event => {
    if (isShortcut(event, 'p')) toggle();
  });

  return ({ range, paused, at }) => {
    isPaused = paused;
    for (const { id } of RANGES) setAttr(part[`range-${id}`], 'aria-pressed', String(id === range.id));
    setText(part['charts-pause'], paused ? '▶ Resume' : '❚❚ Pause');
    setText(part['charts-paused'], paused ? `Paused at ${clock(at)}. Data goes on and is kept.` : '');
    setHidden(part['charts-paused'], !paused);
  };
}

/** A function `show(marks, range)` that lists what the numbers on the charts mean, newest first. */
export function createMarkList({ 'mark-list': list, 'no-marks': none }) {
  const sync = keyedList(list, {
    key: mark => mark.id,
    make: mark => {
      const item = copyOf('mark-item');
      const { number, at, text } = partsOf(item);
      setAttr(item, 'data-demo', String(mark.demo));
      setText(number, mark.number);
      setAttr(at, 'datetime', new Date(mark.at).toISOString());
      setText(at, clock(mark.at));
      setText(text, mark.text);
      return item;
    },
    update: () => {},
  });
  let shown;
  return (marks, range) => {
    const key = `${range.id} ${marks.length} ${marks[0]?.id} ${marks.at(-1)?.id}`;
    if (key === shown) return;
    shown = key;
    sync(marks.toReversed());
    setHidden(list, marks.length === 0);
    setHidden(none, marks.length > 0);
    setText(none, `No node, member or leader has changed in the ${range.spoken}, and no demonstration ran.`);
  };
}
