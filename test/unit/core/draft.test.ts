import { describe, expect, test } from 'vitest';
import { applyFact } from '../../../src/core/apply.ts';
import { Draft } from '../../../src/core/draft.ts';
import type { SeqdError } from '../../../src/core/errors.ts';
import type { Fact } from '../../../src/core/facts.ts';
import { encodePage, PAGE_SIZE } from '../../../src/core/page.ts';
import type { SeriesView } from '../../../src/core/view.ts';
import { SeriesWorld } from '../../kit/series-world.ts';

const owner = { site: 'north', partition: 'a', type: 'x' };
const origin = { site: 'north', partition: 'a', reason: 'x' };
const GAPS = [3, 5, PAGE_SIZE + 3];

/** Numbers on three pages; a few on the first two are pooled. */
function world(): SeriesWorld {
  const made = new SeriesWorld();
  made.do({ kind: 'issue', owner, count: 2 * PAGE_SIZE + 10 });
  for (const number of GAPS) made.do({ kind: 'release', number, ...origin });
  return made;
}

const at = (number: number): { first: number; last: number } => ({ first: number, last: number });
const draw = (number: number): Fact => ({ kind: 'issue', owner, fresh: null, reused: [at(number)] });
const release = (number: number): Fact => ({
  kind: 'release',
  number,
  allocation: { sequence: 1, index: 0 },
  owner,
  reason: 'x',
  to: 'pool',
});

function apply(draft: Draft, ...facts: readonly Fact[]): void {
  for (const [index, fact] of facts.entries())
    applyFact(draft, { fact, position: { sequence: 9, index }, time: 1, revision: 0 });
}

const texts = (view: SeriesView): string[] => [0, 1, 2].map(id => encodePage(id, view.page(id)));

function pooledPages(view: SeriesView): number[] {
  const ids: number[] = [];
  for (let id = view.pooledPageFrom(0); id !== undefined; id = view.pooledPageFrom(id + 1))
    if (view.page(id).pooled.length > 0) ids.push(id);
  return ids;
}

describe('a draft', () => {
  test('leaves what it stands on as it was, be that the state or another draft', () => {
    const { state } = world();
    const below = new Draft(state);
    const committed = texts(state);
    apply(below, draw(3), release(7));
    below.seal();
    const planned = texts(below);
    const above = new Draft(below);
    apply(above, draw(5), draw(7), release(8), draw(PAGE_SIZE + 3));
    expect(texts(state)).toEqual(committed);
    expect(texts(below)).toEqual(planned);
    expect(new Set([committed[0], planned[0], texts(above)[0]]).size).toBe(3);
  });

  test('names the pages with numbers in the pool, in order, whoever changed them', () => {
    const { state } = world();
    const below = new Draft(state);
    apply(below, release(2 * PAGE_SIZE + 1));
    const above = new Draft(below);
    apply(above, draw(PAGE_SIZE + 3));
    expect(pooledPages(state)).toEqual([0, 1]);
    expect(pooledPages(below)).toEqual([0, 1, 2]);
    expect(pooledPages(above)).toEqual([0, 2]);
  });

  test('does not change once it is sealed: the state takes its pages as they are', () => {
    const draft = new Draft(world().state);
    apply(draft, draw(3));
    draft.seal();
    expect(() => draft.editPage(0)).toThrow(
      expect.objectContaining<Partial<SeqdError>>({ code: 'invariant_violated' }),
    );
  });
});
