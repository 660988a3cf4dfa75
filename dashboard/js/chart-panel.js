// One chart: a figure around uPlot (a template in index.html), with its legend, its text and its cursor.
//
//   createChartPanel(chart, {theme, phase, onCursor, onShown}) → panel
//   panel.element                     the figure
//   panel.shown                       whether any of it is in view, and can be drawn
//   panel.draw(columns, range, window, marks, anyway) draws what would look different, or anyway
//   panel.showCursor(place, index, isTold)  moves the cursor line to a part of the window (0 to 1), or hides it (null);
//                                     `isTold`: to screen readers, too
//   panel.showValues(index)           the values of a sample in the legend
//   panel.describe(columns, from, range)   the text for those who do not see it
//   panel.redraw()                    after another theme, or when it comes into view

import { figure, statsOf, summaryOf, valuesAt } from './chart-figures.js';
import { createPlot, paintMarks, plotWidth, swatch } from './chart-plot.js';
import { firstIndexFrom, frameOf } from './chart-range.js';
import { createSteadyAxis } from './chart-scale.js';
import { append, copyOf, el, partsOf, setAttr, setClass, setText } from './dom.js';
import { clock } from './format.js';

export function createChartPanel(chart, { theme, phase, onCursor, onShown }) {
  const element = copyOf('chart-card');
  const { heading, title, unit, legend, plot, text } = partsOf(element);
  setAttr(element, 'data-testid', `chart-${chart.id}`);
  setClass(element, 'chart-wide', chart.wide === true);
  setAttr(heading, 'id', `chart-${chart.id}-title`);
  setAttr(element, 'aria-labelledby', heading.id);
  setText(title, chart.title);
  setText(unit, chart.unit === '/s' ? 'per second' : chart.unit);
  const values = chart.lines.map(() => el('span', { class: 'chart-value' }));
  append(
    legend,
    chart.lines.map((line, i) => el('li', {}, swatch(line), el('span', {}, line.label), values[i])),
  );
  setAttr(text, 'id', `chart-${chart.id}-text`);
  setAttr(plot, 'data-testid', `plot-${chart.id}`);
  setAttr(plot, 'aria-label', `Cursor of ${chart.title}`);
  setAttr(plot, 'aria-describedby', text.id);

  const axis = createSteadyAxis(chart);
  const data = [[], ...chart.lines.map(() => [])];
  const cursor = el('div', { class: 'chart-cursor', hidden: true });
  const stepPixels = chart.wide ? 4 : 3;
  let frame;
  let yEnd = chart.least;
  let of;
  let placed = { marks: [], window: { first: 0, last: 1 } };
  /** Made when it first comes into view, and in a task of its own: it is what takes longest on the whole page. */
  let plotter;
  let making = false;
  let visible = false;
  const make = () => {
    plotter = createPlot(plot, {
      theme,
      lines: chart.lines,
      data,
      yEnd: () => yEnd,
      time: true,
      draw: u => paintMarks(u, { ...placed, texts: chart.wide === true, theme }),
    });
    const { over } = plotter;
    over.append(cursor);
    const point = event => onCursor({ place: event.offsetX / plotWidth(plotter) });
    over.addEventListener('pointermove', point);
    over.addEventListener('pointerdown', point);
    over.addEventListener('pointerleave', () => onCursor({ place: null }));
    if (visible) onShown();
  };
  new IntersectionObserver(
    entries => {
      visible = entries.at(-1).isIntersecting;
      if (!visible) return;
      if (plotter !== undefined) onShown();
      else if (!making) setTimeout(make);
      making = true;
    },
    { rootMargin: '100px' },
  ).observe(element);

  plot.addEventListener('keydown', event => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (onCursor({ key: event.key })) event.preventDefault();
  });
  plot.addEventListener('blur', () => onCursor({ place: null }));

  return {
    element,
    get shown() {
      return visible && plotter !== undefined;
    },

    draw(columns, range, window, marks, anyway) {
      const due = frameOf(window.last, range, { width: plotWidth(plotter), stepPixels, phase });
      if (due === frame && !anyway) return;
      frame = due;
      if (of !== columns) {
        of = columns;
        data[0] = columns.t;
        chart.lines.forEach((line, i) => (data[i + 1] = columns[line.key]));
        axis.reset();
      }
      const from = firstIndexFrom(columns.t, window.first);
      let highest = 0;
      for (const { key } of chart.lines) highest = Math.max(highest, statsOf(columns[key], from)?.max ?? 0);
      const end = axis.next(highest, window.last, window.last - window.first);
      placed = { marks, window };
      plotter.batch(() => {
        plotter.setData(data, false);
        plotter.setScale('x', { min: window.first, max: window.last });
        if (end !== yEnd) {
          yEnd = end;
          plotter.setScale('y', { min: 0, max: end });
        }
      });
    },

    showCursor(place, index, isTold) {
      if (cursor.hidden !== (place === null)) cursor.hidden = place === null;
      if (place === null || plotter === undefined) return;
      cursor.style.transform = `translateX(${Math.round(place * plotWidth(plotter))}px)`;
      // Only where and when it is asked for: a screen reader would read out every change.
      if (!isTold || document.activeElement !== plot || of === undefined) return;
      setAttr(plot, 'aria-valuenow', Math.round(place * 100));
      setAttr(plot, 'aria-valuetext', `${clock(of.t[index])}: ${valuesAt(chart, of, index)}`);
    },

    showValues(index) {
      chart.lines.forEach((line, i) => {
        const value = of?.[line.key][index];
        setText(values[i], value === null || value === undefined ? '–' : figure(value, chart.digits));
      });
    },

    describe(columns, from, range) {
      setText(text, summaryOf(chart, columns, from, range.spoken));
    },

    redraw() {
      plotter?.redraw(false, true);
    },
  };
}
