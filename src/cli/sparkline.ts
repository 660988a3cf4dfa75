const BARS = '▁▂▃▄▅▆▇█';
const NOTHING = '·';

/** Values as a row of bars, the highest of them full; 0 is a dot. */
export interface Sparkline {
  readonly text: string;
  /** What the full bar stands for; 0 where there is none. */
  readonly most: number;
}

/** @param pointsMax of more values, neighbours are drawn as their mean */
export function sparkline(values: readonly number[], pointsMax: number): Sparkline {
  const points = squeeze(values, pointsMax);
  const most = Math.max(...points, 0);
  const text = points
    .map(value => (value > 0 ? BARS[Math.round((value / most) * (BARS.length - 1))]! : NOTHING))
    .join('');
  return { text, most };
}

function squeeze(values: readonly number[], pointsMax: number): number[] {
  const size = Math.max(1, Math.ceil(values.length / pointsMax));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) => {
    const part = values.slice(index * size, (index + 1) * size);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
