import { describe, expect, it } from 'vitest';
import {
  concerns,
  continueLife,
  eventFacts,
  eventLook,
  explainMissing,
  lifeNotes,
  parseNumber,
  stateOf,
} from '../../../dashboard/js/find-life.js';

const WHOLE = { complete: true, consistent: true, ledger: { batch: 9 }, state: { status: 'issued' } };

describe('the number that somebody means', () => {
  it('may be grouped or marked as a number', () => {
    for (const text of ['4711', ' 4711 ', '#4711', '4,711', "4'711", '4 711', '4.711', '4711.'])
      expect(parseNumber(text)).toEqual({ number: 4711 });
  });

  it('is refused with the reason when it is none', () => {
    expect(parseNumber('')).toEqual({ why: '' });
    expect(parseNumber('abc')).toHaveProperty('why', expect.stringContaining('abc'));
    expect(parseNumber('0')).toHaveProperty('why', expect.stringContaining('1'));
    for (const text of ['-5', '1.5', '1,5', '12.75', '1e9']) expect(parseNumber(text)).toHaveProperty('why');
    expect(parseNumber('99999999999999999999')).toHaveProperty('why');
  });
});

describe('an event of a life', () => {
  it('says where a released number went', () => {
    expect(eventLook({ event: 'released', releasedTo: 'pool' }).title).toBe('Released to the pool');
    expect(eventLook({ event: 'released', releasedTo: 'void' })).toMatchObject({ tone: 'bad', shape: '✕' });
  });

  it('says that a suppressed number was given back at once', () => {
    expect(eventLook({ event: 'issued', releasedTo: 'pool' }).title).toContain('given back in the same step');
  });

  it('tells only the facts that there are', () => {
    expect(eventFacts({ event: 'issued', siteId: 's', partitionId: 'p', node: 'n', revision: 5 })).toEqual([
      ['For', 's / p'],
      ['Node', 'n'],
      ['Revision', '5'],
    ]);
  });

  it('of a kind that is not known is shown by its name', () => {
    expect(eventLook({ event: 'teleported' }).title).toBe('teleported');
  });
});

describe('what is said about a life', () => {
  it('is nothing when it is all there', () => {
    expect(lifeNotes(WHOLE)).toEqual([]);
  });

  it('names the batch since when it is complete', () => {
    const [note] = lifeNotes({ ...WHOLE, complete: false, from: 120, ledger: null });
    expect(note?.tone).toBe('warn');
    expect(note?.text).toContain('no ledger answers');
    expect(note?.text).toContain('batch 120');
  });

  it('warns when the events do not end in the state', () => {
    expect(lifeNotes({ ...WHOLE, consistent: false }).map(({ tone }) => tone)).toEqual(['bad']);
    expect(lifeNotes({ ...WHOLE, consistent: null })).toEqual([]);
  });

  it('is the problem alone when etcd is behind the ledger', () => {
    const notes = lifeNotes({ ...WHOLE, complete: false, consistent: false, problem: 'etcd was set back' });
    expect(notes).toHaveLength(1);
    expect(notes[0]?.text).toContain('etcd was set back');
  });
});

describe('a life that goes on', () => {
  // Of what it was not asked for such an answer says nothing.
  const LATER = { ...WHOLE, consistent: null, state: { status: 'pooled' } };

  it('keeps what was said of the events before, whatever a later answer says of its own', () => {
    for (const said of [
      { complete: false, from: 120 },
      { consistent: false },
      { complete: false, consistent: false, problem: 'etcd was set back' },
    ]) {
      const before = { ...WHOLE, ...said };
      expect(lifeNotes(continueLife(before, LATER))).toEqual(lifeNotes(before));
    }
  });

  it('has the state of the later answer, and takes over what that one finds missing', () => {
    const life = continueLife(WHOLE, { ...LATER, complete: false, from: 300 });
    expect(life).toMatchObject({ state: { status: 'pooled' }, complete: false, from: 300 });
    expect(continueLife(life, { ...LATER, complete: false, from: 400 })).toMatchObject({ from: 300 });
    expect(lifeNotes(continueLife(WHOLE, LATER))).toEqual([]);
  });
});

it('a number that was never issued is explained by how far the series has come', () => {
  const { title, text } = explainMissing(100, { code: 'never_issued', next: 7 });
  expect(title).toBe('100 was never issued');
  expect(text).toContain('next new number is 7');
});

it('every state has a shape of its own', () => {
  const shapes = ['issued', 'reserved', 'pooled', 'void', 'imported'].map(
    status => stateOf({ state: { status } }).shape,
  );
  expect(new Set(shapes).size).toBe(shapes.length);
});

describe('an event of the stream', () => {
  const event = { category: 'number', kind: 'issue', numbers: [{ first: 5, last: 8 }], count: 4 };

  it('concerns the numbers in its ranges', () => {
    expect(concerns(event, 5)).toBe(true);
    expect(concerns(event, 8)).toBe(true);
    expect(concerns(event, 9)).toBe(false);
  });

  it('may concern numbers beyond the ranges it tells when it is about more', () => {
    expect(concerns({ ...event, count: 20 }, 30)).toBe(true);
    expect(concerns({ ...event, count: 20 }, 4)).toBe(false);
  });

  it('concerns no number when it is about the cluster', () => {
    expect(concerns({ category: 'cluster', kind: 'node:left', text: '5' }, 5)).toBe(false);
  });
});
