import type {
  DemoBucket,
  DemoCatalogue,
  DemoDescription,
  DemoFigure,
  DemoRun,
  DemoTimeline,
  DemoVerification,
} from '../demo/demo-run.ts';
import { demoOptionOf } from './demo-options.ts';
import { table } from './output.ts';

const BAR_WIDTH = 40;
const SPARK_WIDTH = 60;
const SPARKS = '▁▂▃▄▅▆▇█';
const NOTHING = '·';
const TEXT_WIDTH = 100;

/** All demonstrations, with their options. */
export function describeCatalogue({ demos, current }: DemoCatalogue): string[] {
  return [
    ...table([
      ['demo', 'about', 'what it shows'],
      ...demos.map(({ name, seconds, title, unavailable }) => [
        name,
        `${seconds} s`,
        unavailable === null ? title : `${title} (not here: ${unavailable})`,
      ]),
    ]),
    '',
    'Run one with "seqd demo NAME"; each says first what it will do, and ends by verifying that no number is missing.',
    ...demos.flatMap(({ name, parameters }) =>
      parameters.map(
        (parameter, index) =>
          `  ${index === 0 ? name.padEnd(16) : ''.padEnd(16)} ${demoOptionOf(parameter)} ${parameter.default}  ${parameter.title}, ${parameter.minimum} to ${parameter.maximum}`,
      ),
    ),
    ...(current === null ? [] : ['', `${current.name} is running now.`]),
  ];
}

/** What is going to happen, before it does. */
export function describePlan({ title, plan, disturbs, seconds }: DemoDescription): string[] {
  return [
    title,
    ...wrap(plan),
    ...(disturbs === ''
      ? []
      : wrap(`It breaks for a while: ${disturbs} All of it is put right again before it ends.`)),
    `  About ${seconds} s; Ctrl-C ends it early.`,
    '',
  ];
}

/** A text as indented lines. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= TEXT_WIDTH) lines.push(`  ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** What came of a run: figures, charts, the proof, and how it ended. */
export function describeOutcome(run: DemoRun): string[] {
  const { figures, histogram, timeline, verification, state, problem, startedAt, endedAt } = run;
  const seconds = endedAt === null ? '' : ` after ${((endedAt - startedAt) / 1000).toFixed(1)} s`;
  return [
    ...section(describeFigures(figures)),
    ...section(histogram === null ? [] : describeHistogram(histogram)),
    ...section(timeline === null ? [] : describeTimeline(timeline)),
    ...section(verification === null ? [] : describeVerification(verification)),
    '',
    `${run.name}: ${state}${seconds}${problem === null ? '' : `: ${problem}`}`,
  ];
}

const section = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', ...lines]);

function describeFigures(figures: readonly DemoFigure[]): string[] {
  const width = Math.max(0, ...figures.map(({ label }) => label.length));
  return figures.map(
    ({ label, value, unit }) => `  ${label.padEnd(width)}  ${numberText(value)}${unitText(unit)}`,
  );
}

function describeHistogram(buckets: readonly DemoBucket[]): string[] {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(1, ...buckets.map(({ count }) => count));
  const labels = buckets.map(({ upToMs }, index) =>
    upToMs === null ? `longer than ${buckets[index - 1]?.upToMs ?? 0} ms` : `up to ${upToMs} ms`,
  );
  const counts = buckets.map(({ count }) => numberText(count));
  const [wide, high] = [labels, counts].map(texts => Math.max(0, ...texts.map(text => text.length)));
  return buckets.map(({ count }, index) => {
    const bar = '█'.repeat(count === 0 ? 0 : Math.max(1, Math.round((count / most) * BAR_WIDTH)));
    const percent = total === 0 ? 0 : (100 * count) / total;
    return `  ${labels[index]!.padStart(wide!)}  ${counts[index]!.padStart(high!)}  ${`${percent.toFixed(1)} %`.padStart(7)}  ${bar}`.trimEnd();
  });
}

function describeTimeline({ stepMs, unit, series }: DemoTimeline): string[] {
  const width = Math.max(0, ...series.map(({ name }) => name.length));
  return series.map(({ name, values }) => {
    const points = squeeze(values, SPARK_WIDTH);
    const most = Math.max(...points, 0);
    const line = points
      .map(value => (value > 0 ? SPARKS[Math.round((value / most) * (SPARKS.length - 1))]! : NOTHING))
      .join('');
    return `  ${name.padEnd(width)}  ${line}  up to ${numberText(most)}${unitText(unit)}, ${(values.length * stepMs) / 1000} s`;
  });
}

/** At most so many points: means of as many neighbours as needed. */
function squeeze(values: readonly number[], pointsMax: number): number[] {
  const size = Math.max(1, Math.ceil(values.length / pointsMax));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) => {
    const part = values.slice(index * size, (index + 1) * size);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

function describeVerification(proof: DemoVerification): string[] {
  const { complete, first, last, holes, issued, pooled, reserved, imported, chain, revision, ms } = proof;
  const parts = { issued, 'in the pool': pooled, reserved, void: proof.void, imported };
  const counts = Object.entries(parts).flatMap(([what, count]) =>
    count > 0 || what === 'issued' ? [`${numberText(count)} ${what}`] : [],
  );
  return [
    `  Verified ${first} to ${last}: ${counts.join(', ')}; holes: ${holes}${complete ? '' : ' (NOT COMPLETE)'}`,
    `  chain ${chain.slice(0, 16)}, revision ${revision}, in ${numberText(Math.round(ms))} ms`,
    ...proof.problems.map(problem => `  - ${problem}`),
  ];
}

const unitText = (unit: string): string =>
  unit === '' ? '' : unit === 'x' ? ' x' : unit.startsWith('/') ? unit : ` ${unit}`;

function numberText(value: number | string): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? value.toLocaleString('en-US') : String(Number(value.toPrecision(4)));
}
