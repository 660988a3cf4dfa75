// uPlot as the page uses it: fixed axes, lines told apart by dashes, marks of events above. It is never asked to scan the
// values for a scale, and has no legend and no cursor of its own: those are cheaper outside.

import { placeMarks } from './chart-marks.js';
import { axisLabel, axisLines } from './chart-scale.js';
import { el, svg } from './dom.js';
import { clock } from './format.js';

const FONT = '11px system-ui, sans-serif';
const LANE_HEIGHT = 15;
const LABEL_PADDING = 4;

const LINES = [1, 2, 3, 4, 5, 6];
const COLOURS = {
  ...Object.fromEntries(LINES.map(i => [`line${i}`, `var(--chart-${i})`])),
  ...Object.fromEntries(
    LINES.map(i => [`area${i}`, `color-mix(in srgb, var(--chart-${i}) 14%, transparent)`]),
  ),
  text: 'var(--soft)',
  grid: 'var(--line)',
  mark: 'var(--chart-4)',
  paper: 'var(--card)',
};

/**
 * Colours from the page's custom properties, as a canvas takes them: `{ line1, …, area1, …, text, grid, mark, paper }`, always of the theme that is shown.
 *
 * @param {HTMLElement} within where the custom properties hold
 * @param {() => void} onChange runs after another theme was chosen, with the colours changed in place
 */
export function createChartTheme(within, onChange) {
  const probe = el('span', { hidden: true });
  within.append(probe);
  const colours = {};
  const read = () => {
    for (const [name, value] of Object.entries(COLOURS)) {
      probe.style.color = value;
      colours[name] = getComputedStyle(probe).color;
    }
  };
  read();
  addEventListener('seqd:theme', () => {
    read();
    onChange();
  });
  return colours;
}

/** The width of what is inside the axes, in CSS pixels. */
export function plotWidth(plotter) {
  return plotter.bbox.width / globalThis.uPlot.pxRatio;
}

/**
 * A plot that fills `target`. `lines` as in chart-series.js, `data` their columns, X first: the `time`, Unix milliseconds, or seconds
 * from a beginning. `yEnd()` is the end of the Y axis, `draw(plotter)` runs after each frame.
 */
export function createPlot(target, { theme, lines, data, yEnd, time, draw }) {
  const axis = {
    stroke: () => theme.text,
    grid: { stroke: () => theme.grid, width: 1 },
    ticks: { show: false },
    font: FONT,
  };
  /** Without one that the right edge would cut off. */
  const labelsBelow = (u, splits) => {
    const { min, max } = u.scales.x;
    const cut = max - ((max - min) * 16) / plotWidth(u);
    // Seconds are said where any line needs them.
    const digits = splits.every(x => x % 60_000 === 0) ? 5 : 8;
    const labelOf = x => (time ? clockAt(x).slice(0, digits) : `${x} s`);
    return splits.map(x => (x > cut ? '' : labelOf(x)));
  };
  const plotter = new globalThis.uPlot(
    {
      ms: 1,
      width: target.clientWidth || 320,
      height: target.clientHeight || 120,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      select: { show: false },
      scales: {
        x: { time, auto: false, range: (_u, min, max) => [min ?? 0, max ?? 1] },
        y: { auto: false, range: () => [0, yEnd()] },
      },
      axes: [
        { ...axis, size: 22, gap: 4, space: time ? 74 : 50, values: labelsBelow },
        {
          ...axis,
          size: 46,
          gap: 6,
          splits: () => axisLines(yEnd()),
          values: (_u, splits) => splits.map(axisLabel),
        },
      ],
      series: [
        {},
        ...lines.map(({ tone, dash, width, area }) => ({
          auto: false,
          width,
          dash: [...dash],
          stroke: () => theme[`line${tone}`],
          ...(area ? { fill: () => theme[`area${tone}`] } : {}),
          // A value between two gaps is a point; uPlot draws those where there are gaps.
          points: { show: false, size: 4, fill: () => theme[`line${tone}`] },
        })),
      ],
      hooks: { draw: [u => draw?.(u)], destroy: [() => observer.disconnect()] },
    },
    data,
    target,
  );
  // It holds the plot for as long as it watches.
  const observer = new ResizeObserver(([{ contentRect }]) => {
    const [width, height] = [Math.floor(contentRect.width), Math.floor(contentRect.height)];
    if (width > 0 && height > 0) plotter.setSize({ width, height });
  });
  observer.observe(target);
  return plotter;
}

/** A piece of a line as it is drawn, for legends. */
export function swatch({ tone, dash, width }) {
  return svg(
    'svg',
    { class: `chart-swatch chart-tone-${tone}`, width: 18, height: 8, 'aria-hidden': 'true' },
    svg('line', {
      x1: 0,
      y1: 4,
      x2: 18,
      y2: 4,
      'stroke-width': width + 0.5,
      'stroke-dasharray': dash.join(' '),
    }),
  );
}

/**
 * Draws marks onto a plot: a line from top to bottom for each, whole for demonstrations and dashed for the rest, with its number
 * at the top, and its text where `texts` says that the plot is large enough.
 */
export function paintMarks(plotter, { marks, window, texts, theme }) {
  if (marks.length === 0) return;
  const ratio = globalThis.uPlot.pxRatio;
  const { ctx, bbox } = plotter;
  ctx.save();
  ctx.setTransform(ratio, 0, 0, ratio, bbox.left, bbox.top);
  ctx.font = FONT;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  ctx.lineWidth = 1;
  const measure = label => widthOf(ctx, label) + 2 * LABEL_PADDING;
  const placed = placeMarks(marks, window, bbox.width / ratio, { texts, measure });
  ctx.strokeStyle = theme.mark;
  for (const { mark, x } of placed) {
    ctx.setLineDash(mark.demo ? [] : [3, 3]);
    ctx.beginPath();
    ctx.moveTo(Math.round(x) + 0.5, 0);
    ctx.lineTo(Math.round(x) + 0.5, bbox.height / ratio);
    ctx.stroke();
  }
  for (const { label, labelX, lane } of placed) {
    if (label === '') continue;
    const y = lane * LANE_HEIGHT;
    ctx.fillStyle = theme.mark;
    ctx.fillRect(labelX, y, measure(label), LANE_HEIGHT - 1);
    ctx.fillStyle = theme.paper;
    ctx.fillText(label, labelX + LABEL_PADDING, y + LANE_HEIGHT / 2);
  }
  ctx.restore();
}

/** Remembers what a function said of the last 200 things it was asked: formatting and measuring cost most in a frame. */
function remembering(fn) {
  const known = new Map();
  return (key, ...rest) => {
    let value = known.get(key);
    if (value === undefined) {
      if (known.size > 200) known.clear();
      value = fn(key, ...rest);
      known.set(key, value);
    }
    return value;
  };
}

const clockAt = remembering(clock);
const textWidth = remembering((label, ctx) => Math.ceil(ctx.measureText(label).width));
const widthOf = (ctx, label) => textWidth(label, ctx);
