import { medianFigures } from './figures.mjs';
import { renderChart } from './svg-chart.mjs';

/** What the README shows: who draws how many single numbers a second, and what they are worth. */
const BARS = [
  { id: 'seqd-64', label: 'seqd', note: 'three machines, gap-free, journalled', ours: true },
  { id: 'naive-64', label: 'compare-and-swap on etcd', note: 'three machines, gap-free' },
  { id: 'postgres-update-64', label: 'PostgreSQL UPDATE … RETURNING', note: 'one machine, gap-free' },
  { id: 'postgres-nextval-64', label: 'PostgreSQL nextval', note: 'one machine, leaves gaps' },
  { id: 'redis-64', label: 'Redis INCR, fsync always', note: 'one machine, a bare counter' },
];

/**
 * @param {import('./comparisons.mjs').Results} results
 * @param {string} subtitle where and how it was measured
 * @returns {string | undefined} an SVG document; undefined when nothing of it was measured
 */
export function throughputChart(results, subtitle) {
  const bars = BARS.flatMap(({ id, ...bar }) => {
    const rounds = results.get(id) ?? [];
    return rounds.length === 0 ? [] : [{ ...bar, value: medianFigures(rounds).perSecond }];
  });
  if (bars.length === 0) return undefined;
  return renderChart({ title: 'Single numbers per second, 64 callers at once', subtitle, unit: '/s', bars });
}
