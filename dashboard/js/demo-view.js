// A run of a demonstration as the page shows it: words, signs and figures, nothing of the document.

import { figure } from './chart-figures.js';
import { percent, span } from './format.js';

/**
 * @typedef {import('../../src/demo/demo-run.ts').DemoRun} DemoRun
 * @typedef {import('../../src/demo/demo-run.ts').DemoStep} DemoStep
 * @typedef {import('../../src/demo/demo-run.ts').DemoFigure} DemoFigure
 * @typedef {import('../../src/demo/demo-run.ts').DemoVerification} DemoVerification
 * @typedef {import('../../src/demo/demo-run.ts').DemoBucket} DemoBucket
 * @typedef {{ label: string, count: number, text: string, part: number }} Bar `part` of the longest bar, from 0 to 1
 */

/** Sign, word and tone of a step's state. The sign alone tells them apart too. */
export const STEP_STATES = /** @type {const} */ ({
  pending: { sign: '○', word: 'to come', tone: 'idle' },
  running: { sign: '▶', word: 'running', tone: 'busy' },
  done: { sign: '✓', word: 'done', tone: 'good' },
  failed: { sign: '✕', word: 'failed', tone: 'bad' },
  skipped: { sign: '–', word: 'skipped', tone: 'idle' },
});

/** The same for a run. */
export const RUN_STATES = /** @type {const} */ ({
  running: { sign: '▶', word: 'running', tone: 'busy' },
  passed: { sign: '✓', word: 'passed', tone: 'good' },
  failed: { sign: '✕', word: 'failed', tone: 'bad' },
  cancelled: { sign: '■', word: 'cancelled', tone: 'warn' },
});

/**
 * A figure as text: `104 ms`, `3,512/s`, `none`.
 *
 * @param {DemoFigure} measured
 */
export function figureText({ value, unit }) {
  const text = typeof value === 'number' ? figure(value, Math.abs(value) < 100 ? 1 : 0) : value;
  if (unit === '') return text;
  return unit.startsWith('/') || unit === 'x' ? `${text}${unit === 'x' ? '×' : unit}` : `${text} ${unit}`;
}

/**
 * The figure that the outcome names: the gap in service where one was measured, a rate, otherwise the first.
 *
 * @param {DemoRun} run
 * @returns {DemoFigure | undefined}
 */
export function keyFigure(run) {
  const { figures } = run;
  return (
    figures.find(({ label }) => /^longest gap/i.test(label)) ??
    figures.find(({ label }) => /^(rate|ratio)$/i.test(label)) ??
    figures[0]
  );
}

/**
 * How a run ended, in a line: `Kill the leader passed: longest gap 104 ms, 0 holes`.
 *
 * @param {DemoRun} run
 */
export function outcomeOf(run) {
  const parts = [];
  const key = keyFigure(run);
  if (key !== undefined) parts.push(`${uncapital(key.label)} ${figureText(key)}`);
  if (run.verification !== null) parts.push(holesText(run.verification.holes));
  const why = run.problem === null ? '' : ` – ${run.problem}`;
  const tail = parts.length === 0 ? '' : `: ${parts.join(', ')}`;
  return `${run.title} ${RUN_STATES[run.state].word}${tail}${why}`;
}

/** @param {number} holes */
export function holesText(holes) {
  return `${figure(holes, 0)} ${holes === 1 ? 'hole' : 'holes'}`;
}

/**
 * Where a run is: the running step, or the last one that did something.
 *
 * @param {DemoRun} run
 * @returns {{ step: DemoStep, number: number, of: number } | null}
 */
export function currentStep(run) {
  let index = run.steps.findIndex(({ state }) => state === 'running');
  if (index === -1) index = run.steps.findLastIndex(({ state }) => state !== 'pending');
  const step = run.steps[Math.max(0, index)];
  return step === undefined ? null : { step, number: Math.max(0, index) + 1, of: run.steps.length };
}

/**
 * How long a step or run took, or takes so far; empty before it starts.
 *
 * @param {{ readonly startedAt: number | null, readonly endedAt: number | null }} it
 * @param {number} now Unix milliseconds
 */
export function tookText({ startedAt, endedAt }, now) {
  return startedAt === null ? '' : span((endedAt ?? now) - startedAt);
}

/**
 * The proof as terms and values, and what is to be said of it in one line.
 *
 * @param {DemoVerification} verification
 */
export function proofOf(verification) {
  const { complete, first, last, issued, pooled, reserved, holes, imported, chain, revision, ms } =
    verification;
  return {
    complete,
    tone: complete ? 'good' : 'bad',
    line: complete
      ? `Complete: every number from ${figure(first, 0)} to ${figure(last, 0)} is accounted for exactly once`
      : 'Not complete',
    /** @type {readonly (readonly [string, string])[]} */
    terms: [
      ['holes', figure(holes, 0)],
      ['issued', figure(issued, 0)],
      ['in pool', figure(pooled, 0)],
      ['reserved', figure(reserved, 0)],
      ['void', figure(verification.void, 0)],
      ...(imported === 0 ? [] : [/** @type {const} */ (['imported', figure(imported, 0)])]),
      ['revision', figure(revision, 0)],
      ['verified in', span(ms)],
    ],
    chain,
    problems: verification.problems,
  };
}

/**
 * A bar for each bucket, without the empty ones at both ends.
 *
 * @param {readonly DemoBucket[]} buckets
 * @returns {Bar[]}
 */
export function barsOf(buckets) {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(1, ...buckets.map(({ count }) => count));
  const bars = buckets.map(({ upToMs, count }, i) => ({
    label: upToMs === null ? `> ${figure(buckets[i - 1]?.upToMs ?? 0, 1)} ms` : `≤ ${figure(upToMs, 1)} ms`,
    count,
    text: `${figure(count, 0)} (${percent(count, total)})`,
    part: count / most,
  }));
  const first = bars.findIndex(({ count }) => count > 0);
  return first === -1 ? [] : bars.slice(first, bars.findLastIndex(({ count }) => count > 0) + 1);
}

/** @param {string} text */
function uncapital(text) {
  // `p99` and `HTTP` stay as they are.
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
