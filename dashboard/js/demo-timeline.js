// What a run measured over time, side by side: a small plot, and the same in words.

import { figureWithUnit } from './chart-figures.js';
import { createChartTheme, createPlot, swatch } from './chart-plot.js';
import { roundEnd } from './chart-scale.js';
import { el, setHidden, setText } from './dom.js';

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 4], [1, 5]];

export function createTimeline() {
  const place = el('div', { class: 'chart-plot', 'aria-hidden': 'true' });
  const legend = el('ul', { class: 'chart-legend' });
  const text = el('figcaption', { class: 'chart-text' });
  const element = el(
    'figure',
    { class: 'demo-timeline', dataset: { testid: 'demo-timeline' }, hidden: true },
    legend,
    place,
    text,
  );
  let theme;
  let plotter;
  let shownFor;
  let yEnd = 1;
  let values = [];

  function create({ series }) {
    theme ??= createChartTheme(element, () => plotter?.redraw(false, true));
    plotter?.destroy();
    const lines = series.map((_, i) => ({
      tone: (i % 6) + 1,
      dash: DASHES[i % DASHES.length],
      width: i === 0 ? 2 : 1.5,
    }));
    values = series.map(() => el('span', { class: 'chart-value' }));
    legend.replaceChildren(
      ...series.map(({ name }, i) => el('li', {}, swatch(lines[i]), el('span', {}, name), values[i])),
    );
    const data = [[], ...series.map(() => [])];
    plotter = createPlot(place, {
      theme,
      lines,
      data,
      yEnd: () => yEnd,
      time: false,
    });
  }

  return {
    element,
    show(timeline, id) {
      setHidden(element, timeline === null);
      if (timeline === null) return;
      const { series, stepMs, unit } = timeline;
      const key = `${id} ${series.map(({ name }) => name).join()}`;
      if (key !== shownFor) create(timeline);
      shownFor = key;
      const length = Math.max(...series.map(({ values }) => values.length), 0);
      const x = Array.from({ length }, (_, i) => (i * stepMs) / 1_000);
      const highest = Math.max(0, ...series.flatMap(({ values }) => values));
      yEnd = highest > 0 ? roundEnd(highest * 1.05).end : 1;
      plotter.batch(() => {
        plotter.setData([x, ...series.map(({ values }) => x.map((_, i) => values[i] ?? null))], false);
        plotter.setScale('x', { min: 0, max: Math.max(1, x.at(-1) ?? 1) });
        plotter.setScale('y', { min: 0, max: yEnd });
      });
      const of = value => figureWithUnit(value, { unit, digits: 0 });
      const last = series.map(({ values }) => of(values.at(-1) ?? 0));
      last.forEach((value, i) => setText(values[i], value));
      setText(
        text,
        series
          .map(({ name, values }, i) => `${name}: last ${last[i]}, highest ${of(Math.max(0, ...values))}`)
          .join('; '),
      );
    },
  };
}
