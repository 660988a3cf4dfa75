import { describe, expect, it } from 'vitest';
import { asCommand, asCurl, readParameter } from '../../../dashboard/js/demo-parameters.js';
import {
  barsOf,
  currentStep,
  figureText,
  outcomeOf,
  proofOf,
  STEP_STATES,
} from '../../../dashboard/js/demo-view.js';
import type { DemoRun, DemoStep } from '../../../src/demo/demo-run.ts';

const step = (title: string, state: DemoStep['state']): DemoStep => ({
  title,
  state,
  startedAt: null,
  endedAt: null,
  detail: [],
  breaks: [],
});

const verification = {
  complete: true,
  first: 1,
  last: 5_000,
  issued: 4_990,
  pooled: 10,
  void: 0,
  reserved: 0,
  imported: 0,
  holes: 0,
  chain: 'ab',
  revision: 7,
  problems: [],
  ms: 42,
};

const run: DemoRun = {
  id: 'r1',
  name: 'failover',
  title: 'Kill the leader',
  plan: '',
  state: 'passed',
  parameters: {},
  startedAt: 0,
  endedAt: 9_000,
  steps: [step('Start load', 'done'), step('Kill the leader', 'running'), step('Verify', 'pending')],
  figures: [
    { label: 'Requests', value: 12_345, unit: '' },
    { label: 'Longest gap', value: 104, unit: 'ms' },
  ],
  histogram: null,
  timeline: null,
  verification,
  problem: null,
};

describe('a run in words', () => {
  it('says the longest gap and the holes', () => {
    expect(outcomeOf(run)).toBe('Kill the leader passed: longest gap 104 ms, 0 holes');
  });

  it('says the first figure where no gap was measured, and nothing where nothing was', () => {
    expect(outcomeOf({ ...run, figures: [{ label: 'Rate', value: 3_512.4, unit: '/s' }] })).toBe(
      'Kill the leader passed: rate 3,512/s, 0 holes',
    );
    expect(outcomeOf({ ...run, state: 'cancelled', figures: [], verification: null })).toBe(
      'Kill the leader cancelled',
    );
  });

  it('says why it failed', () => {
    expect(
      outcomeOf({
        ...run,
        state: 'failed',
        figures: [],
        verification: null,
        problem: 'site-1-a is still down',
      }),
    ).toBe('Kill the leader failed – site-1-a is still down');
  });

  it('names the running step, or the last one that did something', () => {
    expect(currentStep(run)).toMatchObject({ number: 2, of: 3, step: { title: 'Kill the leader' } });
    const over = { ...run, steps: run.steps.map(one => ({ ...one, state: 'done' as const })) };
    expect(currentStep(over)).toMatchObject({ number: 3, of: 3 });
    expect(currentStep({ ...run, steps: [step('a', 'pending')] })).toMatchObject({ number: 1 });
    expect(currentStep({ ...run, steps: [] })).toBeNull();
  });

  it('tells states apart by sign and by word, not by colour alone', () => {
    const states = Object.values(STEP_STATES);
    expect(new Set(states.map(({ sign }) => sign)).size).toBe(states.length);
    expect(new Set(states.map(({ word }) => word)).size).toBe(states.length);
  });

  it('writes figures as people do', () => {
    expect(figureText({ label: '', value: 2.345, unit: 'x' })).toBe('2.3×');
    expect(figureText({ label: '', value: 'none', unit: '' })).toBe('none');
  });

  it('never calls an incomplete series complete', () => {
    expect(proofOf(verification).line).toContain('accounted for exactly once');
    const broken = proofOf({ ...verification, complete: false, holes: 1, problems: ['5 is nowhere'] });
    expect(broken).toMatchObject({ tone: 'bad', line: 'Not complete', problems: ['5 is nowhere'] });
  });
});

describe('the histogram of a run', () => {
  it('leaves out empty buckets at both ends, and keeps those between', () => {
    const bars = barsOf([
      { upToMs: 1, count: 0 },
      { upToMs: 2, count: 30 },
      { upToMs: 5, count: 0 },
      { upToMs: null, count: 10 },
    ]);
    expect(bars).toEqual([
      { label: '≤ 2 ms', count: 30, text: '30 (75 %)', part: 1 },
      { label: '≤ 5 ms', count: 0, text: '0 (0 %)', part: 0 },
      { label: '> 5 ms', count: 10, text: '10 (25 %)', part: 1 / 3 },
    ]);
  });

  it('is empty before the first request', () => {
    expect(barsOf([{ upToMs: 1, count: 0 }])).toEqual([]);
  });
});

describe('parameters of a demonstration', () => {
  const threads = { name: 'threads', title: 'Threads', default: 8, minimum: 1, maximum: 64 };
  const total = { name: 'totalRequests', title: 'Requests', default: 5_000, minimum: 1, maximum: 100_000 };

  it('are whole numbers within their limits', () => {
    expect(readParameter(threads, '8')).toEqual({ value: 8 });
    expect(readParameter(threads, '65')).toEqual({ problem: 'Threads: from 1 to 64' });
    expect(readParameter(total, '0')).toEqual({ problem: 'Requests: from 1 to 100,000' });
    for (const text of ['', ' ', '1.5', 'many', '1e400']) {
      expect(readParameter(threads, text)).toEqual({ problem: 'Threads: a whole number, please' });
    }
  });

  it('are in the commands to copy unless they have their default', () => {
    const values = { threads: 8, totalRequests: 100 };
    expect(asCurl('http://h:1', 'load-test', [threads, total], values)).toBe(
      "curl -X POST 'http://h:1/api/v1/demo/load-test?totalRequests=100'",
    );
    expect(asCommand('http://h:1', 'load-test', [threads, total], values)).toBe(
      'seqd demo load-test --total-requests 100 --url http://h:1',
    );
    expect(asCurl('http://h:1', 'basic', [], {})).toBe('curl -X POST http://h:1/api/v1/demo/basic');
  });
});
