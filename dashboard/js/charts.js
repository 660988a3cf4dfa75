// The charts: five over the same stretch of time, with one cursor, a range, a pause, and the marks of what happened.

import { createMarkBook, marksIn } from './chart-marks.js';
import { createChartPanel } from './chart-panel.js';
import { createChartTheme } from './chart-plot.js';
import { firstIndexFrom, nearestIndex, placeAfterKey, RANGES, rangeOf, windowOf } from './chart-range.js';
import { CHARTS } from './chart-series.js';
import { valuesAt } from './chart-figures.js';
import { createChartTools, createMarkList } from './chart-tools.js';
import { mountDemoStrip } from './demo-strip.js';
import { partsOf, setText } from './dom.js';
import { clock } from './format.js';

/** Not more often than the stream brings something: 100 ms less what a frame may be early. */
const DRAW_EVERY_MS = 90;
/** Figures as text are for reading: four times a second. */
const TELL_EVERY_MS = 250;
/** Texts for screen readers, which would otherwise never be left alone. */
const DESCRIBE_EVERY_MS = 2_000;
const NO_CURSOR = 'Point at a chart, or focus one and use the arrow keys, to read all five at one moment.';

export function mount(section, app) {
  const { store, links } = app;
  const book = createMarkBook();
  let range = rangeOf(links.get('range'));
  /** While paused: copies of the three resolutions, and the marks there were. */
  let frozen;
  /** Where the cursor is, as a part of the window; null without one. */
  let place = null;
  let drawnAt = 0;
  let toldAt = 0;
  let describedAt = 0;
  let timer;
  let drawn;

  const part = partsOf(section);
  const showTools = createChartTools(part, app, {
    setRange: id => links.set({ range: id === RANGES[0].id ? undefined : id }),
    setPaused,
  });
  const showMarks = createMarkList(part);
  mountDemoStrip(part['strip-place'], app);

  const theme = createChartTheme(section, () => panels?.forEach(panel => panel.redraw()));
  const panels = CHARTS.map((chart, i) =>
    createChartPanel(chart, {
      theme,
      phase: i / CHARTS.length,
      onCursor: moveCursor,
      onShown: () => draw({ anyway: true }),
    }),
  );
  part.grid.append(...panels.map(panel => panel.element));
  showTools({ range, paused: false });
  setText(part['chart-readout'], NO_CURSOR);

  store.on(['sample', 'snapshot'], () => drawSoon());
  store.on(['event', 'snapshot'], () => {
    if (book.take(store.marks)) drawSoon();
  });
  links.on('range', id => {
    range = rangeOf(id);
    showTools({ range, paused: frozen !== undefined, at: frozen?.at });
    draw({ anyway: true });
  });

  function setPaused(pause) {
    frozen = pause
      ? { history: copyHistory(store.history), marks: [...book.marks], at: store.history.minute.t.at(-1) }
      : undefined;
    showTools({ range, paused: pause, at: frozen?.at });
    draw({ anyway: true });
  }

  function drawSoon() {
    if (frozen !== undefined || timer !== undefined) return;
    const wait = drawnAt + DRAW_EVERY_MS - performance.now();
    if (wait <= 0) draw({});
    else {
      timer = setTimeout(() => {
        timer = undefined;
        draw({});
      }, wait);
    }
  }

  function draw({ anyway = false }) {
    const columns = (frozen?.history ?? store.history)[range.column];
    const window = windowOf(columns, range);
    if (window === undefined) return;
    const marks = marksIn(frozen?.marks ?? book.marks, window);
    // Five minutes get a point a second, an hour one every ten.
    const key = `${range.id} ${window.last} ${marks.length} ${marks.at(-1)?.id}`;
    if (!anyway && key === drawn) return;
    drawn = key;
    drawnAt = performance.now();
    for (const panel of panels) if (panel.shown) panel.draw(columns, range, window, marks, anyway);
    if (anyway || drawnAt - toldAt >= TELL_EVERY_MS) tell(columns, window, marks);
    if (anyway || drawnAt - describedAt >= DESCRIBE_EVERY_MS) describe(columns, window);
  }

  /** Values in the legends and in the readout. */
  function tell(columns, window, marks, { isAsked = frozen !== undefined } = {}) {
    toldAt = performance.now();
    const at = window.first + (place ?? 1) * range.spanMs;
    const found = nearestIndex(columns.t, at);
    // Before the first sample there are no values.
    const index = Math.abs(columns.t[found] - at) <= columns.stepMs ? found : -1;
    for (const panel of panels) {
      if (panel.shown) panel.showValues(index);
      panel.showCursor(place, index, isAsked);
    }
    setText(part['chart-readout'], place === null ? NO_CURSOR : readoutOf(columns, at, index));
    showMarks(marks, range);
  }

  function describe(columns, window) {
    describedAt = performance.now();
    const from = firstIndexFrom(columns.t, window.first);
    for (const panel of panels) panel.describe(columns, from, range);
  }

  /** Moves the cursor of all charts; whether it did. */
  function moveCursor({ place: to, key }) {
    const columns = (frozen?.history ?? store.history)[range.column];
    const next =
      key === 'Escape' ? null : key === undefined ? to : placeAfterKey(key, place, range, columns.stepMs);
    if (next === undefined || (key === 'Escape' && place === null)) return false;
    place = next === null ? null : Math.min(1, Math.max(0, next));
    const window = windowOf(columns, range);
    if (window !== undefined)
      tell(columns, window, marksIn(frozen?.marks ?? book.marks, window), { isAsked: true });
    return true;
  }
}

function readoutOf(columns, at, index) {
  if (index < 0) return `${clock(at)} – before the first sample`;
  const all = CHARTS.map(chart => `${chart.title.toLowerCase()}: ${valuesAt(chart, columns, index)}`);
  return `${clock(columns.t[index])} – ${all.join(' · ')}`;
}

/** The store changes its columns in place. */
function copyHistory(history) {
  return Object.fromEntries(
    RANGES.map(({ column }) => [
      column,
      Object.fromEntries(
        Object.entries(history[column]).map(([name, value]) => [
          name,
          Array.isArray(value) ? [...value] : value,
        ]),
      ),
    ]),
  );
}
