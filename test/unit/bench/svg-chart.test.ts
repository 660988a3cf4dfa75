import { expect, test } from 'vitest';
import { renderChart } from '../../../bench/lib/svg-chart.mjs';
import { shortNumber, textTable } from '../../../bench/lib/text-table.mjs';
import { throughputChart } from '../../../bench/lib/throughput-chart.mjs';

const chartOf = (bars: readonly { label: string; value: number; ours?: boolean }[]): string =>
  renderChart({ title: 'T', subtitle: 'S', unit: '/s', bars: bars.map(bar => ({ note: 'n', ...bar })) });

const widthsIn = (svg: string): number[] =>
  Array.from(svg.matchAll(/<rect [^>]*width="([\d.]+)"/g), match => Number(match[1]));

test('bars are as long as their values say, longest first', () => {
  const [longest = 0, half = 0] = widthsIn(
    chartOf([
      { label: 'a', value: 50 },
      { label: 'b', value: 100 },
    ]),
  );
  expect(half / longest).toBeCloseTo(0.5, 2);
});

test('a value that is too small to see still has a bar', () => {
  expect(
    Math.min(
      ...widthsIn(
        chartOf([
          { label: 'a', value: 1 },
          { label: 'b', value: 1e6 },
        ]),
      ),
    ),
  ).toBeGreaterThan(1);
});

test('ours stands out, and dark pages have colours of their own', () => {
  const svg = chartOf([
    { label: 'a', value: 1, ours: true },
    { label: 'b', value: 2 },
  ]);
  expect(svg.match(/class="ours"/g)).toHaveLength(1);
  expect(svg.match(/class="bar"/g)).toHaveLength(1);
  expect(svg).toContain('prefers-color-scheme: dark');
});

test('labels are text, never markup, and the picture is described in words', () => {
  const svg = chartOf([{ label: '<b> & "c"', value: 12_345 }]);
  expect(svg).not.toContain('<b>');
  expect(svg).toContain('&lt;b&gt; &amp; &quot;c&quot;: 12,345 /s');
});

test('there is no chart of nothing', () => {
  expect(throughputChart(new Map(), '')).toBeUndefined();
});

test('numbers have as many digits as one reads', () => {
  expect([13_724.4, 123.4, 46.12, 0.871].map(shortNumber)).toEqual(['13,724', '123', '46.1', '0.87']);
});

test('columns of a table line up', () => {
  expect(
    textTable([
      ['', 'n'],
      ['long name', '7'],
    ]),
  ).toBe('           n\n─────────  ─\nlong name  7\n');
});
