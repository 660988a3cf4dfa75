import { shortNumber } from './text-table.mjs';

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {string} note a second, smaller line under the label
 * @property {number} value
 * @property {boolean} [ours]
 */

/** @typedef {{ title: string, subtitle: string, unit: string, bars: readonly Bar[] }} Chart */

const WIDTH = 780;
const LEFT = 280;
const RIGHT = 110;
const TOP = 70;
const ROW = 46;
const BAR = 20;
const SHORTEST = 2;

/** Colours that read on white and on black; a page's scheme decides where the viewer knows it. */
const STYLE = `
    text { font-family: system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
    .title { font-size: 17px; font-weight: 600 }
    .label { font-size: 14px }
    .value { font-size: 14px; font-weight: 600 }
    .small { font-size: 12px; fill: #59636e }
    .bar { fill: #afb8c1 }
    .ours { fill: #0969da }
    .axis { stroke: #d1d9e0 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .small { fill: #9198a1 }
      .bar { fill: #656c76 }
      .ours { fill: #4493f8 }
      .axis { stroke: #3d444d }
    }
  `;

/**
 * Horizontal bars on one linear scale that begins at 0, longest first.
 *
 * @param {Chart} chart at least one bar
 * @returns {string} a complete SVG document without a background of its own
 */
export function renderChart({ title, subtitle, unit, bars }) {
  const sorted = bars.toSorted((a, b) => b.value - a.value);
  const max = Math.max(...sorted.map(bar => bar.value));
  const height = TOP + ROW * sorted.length + 10;
  const described = sorted.map(bar => `${bar.label}: ${shortNumber(bar.value)} ${unit}`).join('; ');
  const rows = sorted.map((bar, i) => renderBar(bar, TOP + i * ROW, { max, unit }));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
  <title id="title">${escape(title)}</title>
  <desc id="description">${escape(described)}</desc>
  <style>${STYLE}</style>
  <text class="title" x="0" y="22">${escape(title)}</text>
  <text class="small" x="0" y="44">${escape(subtitle)}</text>
${rows.join('\n')}
  <line class="axis" x1="${LEFT}" y1="${TOP - 6}" x2="${LEFT}" y2="${height - 14}"/>
</svg>
`;
}

/**
 * @param {Bar} bar
 * @param {number} y
 * @param {{ max: number, unit: string }} scale
 */
function renderBar({ label, note, value, ours = false }, y, { max, unit }) {
  const length = Math.max(SHORTEST, (value / max) * (WIDTH - LEFT - RIGHT));
  const round = /** @param {number} number */ number => Math.round(number * 10) / 10;
  return [
    `  <text class="label" x="${LEFT - 12}" y="${y + 12}" text-anchor="end"${ours ? ' font-weight="600"' : ''}>${escape(label)}</text>`,
    `  <text class="small" x="${LEFT - 12}" y="${y + 28}" text-anchor="end">${escape(note)}</text>`,
    `  <rect class="${ours ? 'ours' : 'bar'}" x="${LEFT}" y="${y}" width="${round(length)}" height="${BAR}" rx="3"/>`,
    `  <text class="value" x="${round(LEFT + length + 8)}" y="${y + 15}">${shortNumber(value)}<tspan class="small"> ${escape(unit)}</tspan></text>`,
  ].join('\n');
}

/** @param {string} text */
function escape(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
