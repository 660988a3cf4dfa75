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
import type { Look } from './look.ts';
import { table } from './output.ts';
import { sparkline } from './sparkline.ts';

const BAR_WIDTH = 40;
const SPARK_WIDTH = 60;
const SPARK_WIDTH_MIN = 10;
/** About what stands beside one: a name, what its highest bar stands for. */
const BESIDE_SPARKS = 46;
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
    '',
    ...table([
      ['demo', 'option', 'default', 'range', ''],
      ...demos.flatMap(({ name, parameters }) =>
        parameters.map((parameter, index) => [
          index === 0 ? name : '',
          demoOptionOf(parameter),
          numberText(parameter.default),
          `${numberText(parameter.minimum)} to ${numberText(parameter.maximum)}`,
          parameter.title,
        ]),
      ),
    ]),
    ...(current === null ? [] : ['', `${current.name} is running now.`]),
  ];
}

/** What is going to happen, before it does. */
export function describePlan(
  { title, plan, disturbs, seconds }: DemoDescription,
  { bold, dim, columns }: Look,
): string[] {
  const width = Math.min(TEXT_WIDTH, columns - 1);
  return [
    bold(title),
    ...wrap(plan, { width }),
    ...(disturbs === ''
      ? []
      : wrap(`It breaks for a while: ${disturbs} All of it is put right again before it ends.`, { width })),
    dim(`  About ${seconds} s; Ctrl-C ends it early.`),
    '',
  ];
}

/** A text as indented lines; words are never cut. */
export function wrap(
  text: string,
  { indent = '  ', width }: { readonly indent?: string; readonly width: number },
): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= width) lines.push(`${indent}${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** What came of a run: figures, charts, the proof, and how it ended. */
export function describeOutcome(run: DemoRun, look: Look): string[] {
  const { bold, green, red } = look;
  const { figures, histogram, timeline, verification, state, problem, startedAt, endedAt } = run;
  const seconds = endedAt === null ? '' : ` after ${((endedAt - startedAt) / 1000).toFixed(1)} s`;
  const end = (state === 'passed' ? green : state === 'failed' ? red : bold)(state);
  return [
    ...section(describeFigures(figures)),
    ...section(histogram === null ? [] : describeHistogram(histogram)),
    ...section(timeline === null ? [] : describeTimeline(timeline, look)),
    ...section(verification === null ? [] : describeVerification(verification)),
    '',
    `${bold(run.name)}: ${end}${seconds}${problem === null ? '' : `: ${problem}`}`,
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

/** How often things happened, a row for each name. */
export function describeTimeline(
  { stepMs, unit, series }: DemoTimeline,
  { columns }: Pick<Look, 'columns'>,
): string[] {
  const barsMax = Math.min(SPARK_WIDTH, Math.max(SPARK_WIDTH_MIN, columns - BESIDE_SPARKS));
  const width = Math.max(0, ...series.map(({ name }) => name.length));
  return series.map(({ name, values }) => {
    const { text, most } = sparkline(values, barsMax);
    return `  ${name.padEnd(width)}  ${text}  up to ${numberText(most)}${unitText(unit)}, ${numberText((values.length * stepMs) / 1000)} s`;
  });
}

function describeVerification(proof: DemoVerification): string[] {
  const { complete, first, last, holes, issued, pooled, reserved, imported, chain, revision, ms } = proof;
  const parts = { issued, 'in the pool': pooled, reserved, void: proof.void, imported };
  const counts = Object.entries(parts).flatMap(([what, count]) =>
    count > 0 || what === 'issued' ? [`${numberText(count)} ${what}`] : [],
  );
  return [
    `  Verified ${numberText(first)} to ${numberText(last)}: ${counts.join(', ')}; holes: ${holes}${complete ? '' : ' (NOT COMPLETE)'}`,
    `  chain ${chain.slice(0, 16)}, revision ${revision}, in ${numberText(Math.round(ms))} ms`,
    ...proof.problems.map(problem => `  - ${problem}`),
  ];
}

const unitText = (unit: string): string =>
  unit === '' ? '' : unit === 'x' ? ' x' : unit.startsWith('/') ? unit : ` ${unit}`;

function numberText(value: number | string): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) || value >= 100
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)));
}
