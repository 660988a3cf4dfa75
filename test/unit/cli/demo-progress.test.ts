import { describe, expect, it } from 'vitest';
import { DemoProgress } from '../../../src/cli/demo-progress.ts';
import { lookOf } from '../../../src/cli/look.ts';
import type { DemoRun, DemoStep } from '../../../src/demo/demo-run.ts';

const TITLES = ['Draw', 'Kill'];

function runOf(steps: readonly (readonly [DemoStep['state'], ...string[]])[], more: object = {}): DemoRun {
  const all = TITLES.map((title, i) => {
    const [state, ...detail] = steps[i] ?? ['pending'];
    const startedAt = state === 'pending' || state === 'skipped' ? null : 1_000;
    return { title, state, startedAt, endedAt: state === 'running' ? null : 2_500, detail, breaks: [] };
  });
  return { state: 'running', steps: all, timeline: null, ...more } as unknown as DemoRun;
}

/** What came of every state that was shown, piece by piece. */
function shown(states: readonly DemoRun[], { isTTY = false, columns = 80, env = {} } = {}): string[] {
  const pieces: string[] = [];
  const out = { isTTY, columns, write: (text: string) => pieces.push(text) };
  const progress = new DemoProgress(out, lookOf(out, env));
  for (const state of states) progress.show(state);
  return pieces;
}

/** What is left to be read on a terminal. */
function screenOf(pieces: readonly string[]): string[] {
  const rows = [''];
  const [first = '', ...rest] = pieces.join('').replaceAll('\r', '').split('\x1b[');
  const type = (text: string): void => {
    const [begun = '', ...next] = text.split('\n');
    rows[rows.length - 1] += begun;
    rows.push(...next);
  };
  type(first);
  for (const part of rest) {
    if (part.startsWith('2K')) rows[rows.length - 1] = '';
    else if (part.startsWith('1A')) rows.pop();
    type(part.slice(2));
  }
  return rows;
}

const COUNTDOWN = [
  runOf([['running', 'it will be killed in 2 s']]),
  runOf([['running', 'it will be killed in 1 s']]),
  runOf([['running', 'it will be killed now', 'it was killed']]),
  runOf([['running', 'it will be killed now', 'it was killed', '5 numbers']]),
  runOf([['done', 'it will be killed now', 'it was killed', '6 numbers'], ['running']]),
];

describe('without a terminal', () => {
  it('lines are in the order in which things happened, those that change at first and at last', () => {
    expect(shown(COUNTDOWN).join('')).toBe(
      [
        '  1/2  Draw',
        '       it will be killed in 2 s',
        '       it will be killed now',
        '       it was killed',
        '       5 numbers',
        '       6 numbers',
        '       ok (1.5 s)',
        '  2/2  Kill',
        '',
      ].join('\n'),
    );
  });

  it('a line that changes after others have followed is told again at the end of its step', () => {
    const text = shown([
      runOf([['running', 'one', 'two']]),
      runOf([['running', 'ONE', 'two']]),
      runOf([['failed', 'ONE', 'two']]),
    ]).join('');
    expect(text.match(/one|two|ONE|FAILED/g)).toEqual(['one', 'two', 'ONE', 'FAILED']);
  });

  it('nothing is said of what is not new', () => {
    const [state] = COUNTDOWN;
    expect(shown([state!, state!, state!])).toHaveLength(1);
  });
});

describe('on a terminal', () => {
  const timeline = { stepMs: 100, unit: '/s', series: [{ name: 'all nodes', values: [5, 0, 10] }] };
  const plain = { isTTY: true, env: { NO_COLOR: '1' } };

  it('the line that changes and the charts are drawn in place, and are gone at the end', () => {
    const live = COUNTDOWN.map(run => ({ ...run, timeline }));
    expect(screenOf(shown(live.slice(0, 2), plain))).toEqual([
      '  1/2  Draw',
      '       it will be killed in 1 s',
      '  all nodes  ▅·█  up to 10/s, 0.3 s',
    ]);
    const ended = runOf([['done', 'it will be killed now', 'it was killed'], ['skipped']], {
      state: 'passed',
    });
    expect(screenOf(shown([...live.slice(0, 3), ended], plain))).toEqual([
      '  1/2  Draw',
      '       it will be killed now',
      '       it was killed',
      '       ok (1.5 s)',
      '  2/2  Kill: skipped',
      '',
    ]);
  });

  it('no row that is drawn over is wider than the terminal, and long lines are broken between words', () => {
    const long = 'many words '.repeat(20).trim();
    const narrow = { ...plain, columns: 40 };
    const [piece = ''] = shown([{ ...runOf([['running', long]]), timeline }], narrow);
    for (const row of piece.split('\n')) expect(row.length).toBeLessThan(40);
    const rows = screenOf(shown([runOf([['done', long], ['running']])], narrow));
    expect(rows.filter(row => /^ {7}many.*(?:many|words)$/.test(row))).toHaveLength(rows.length - 4);
  });

  it('what went well is green and what did not is red, unless colours are switched off', () => {
    const states = [runOf([['done'], ['failed']])];
    const text = shown(states, { isTTY: true }).join('');
    expect(text).toContain('\x1b[32mok\x1b[39m');
    expect(text).toContain('\x1b[31mFAILED (1.5 s)\x1b[39m');
    expect(shown(states, plain).join('')).not.toContain('\x1b[3');
  });

  it('one that can only append is told what happens line by line, as a file is', () => {
    const states = COUNTDOWN.map(run => ({ ...run, timeline }));
    expect(shown(states, { isTTY: true, env: { TERM: 'dumb' } })).toEqual(shown(states));
  });
});
