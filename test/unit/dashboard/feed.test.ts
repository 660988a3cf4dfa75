import { describe, expect, it } from 'vitest';
import { EVENT_KINDS } from '../../../src/core/document-event.ts';
import { EventRate, FeedBacklog } from '../../../dashboard/js/feed-backlog.js';
import { FEED_CHOICES, feedRow, feedTest, isFiltering } from '../../../dashboard/js/feed-filter.js';

const NONE = { what: '', site: '', type: '', text: '' };
const ISSUE = {
  id: '4-0',
  category: 'number',
  at: 1,
  kind: 'issue',
  numbers: [{ first: 41, last: 43 }],
  count: 3,
  site: 'site-1',
  partition: 'partition-a',
  type: 'on-cycle',
  reference: 'Invoice 7',
  node: 'n/1',
  revision: 5,
};
const LEFT = {
  id: 'c',
  category: 'cluster',
  at: 1,
  kind: 'node:left',
  text: 'site-1-a has left',
  mark: true,
};

describe('the filter of the feed', () => {
  it('takes everything when nothing is asked for', () => {
    expect(isFiltering(NONE)).toBe(false);
    expect([ISSUE, LEFT].filter(feedTest(NONE))).toHaveLength(2);
  });

  it('takes a category or a kind', () => {
    expect([ISSUE, LEFT].filter(feedTest({ ...NONE, what: 'cluster' }))).toEqual([LEFT]);
    expect([ISSUE, LEFT].filter(feedTest({ ...NONE, what: 'issue' }))).toEqual([ISSUE]);
    expect([ISSUE, LEFT].filter(feedTest({ ...NONE, what: 'release' }))).toEqual([]);
  });

  it('tells reissued numbers from new ones', () => {
    const again = { ...ISSUE, numbers: [{ first: 2, last: 2, reused: true }] };
    expect([ISSUE, again].filter(feedTest({ ...NONE, what: 'reissue' }))).toEqual([again]);
  });

  it('takes what all its parts take', () => {
    const takes = feedTest({ ...NONE, site: 'site-1', type: 'on-cycle' });
    expect(takes(ISSUE)).toBe(true);
    expect(takes({ ...ISSUE, type: 'off-cycle' })).toBe(false);
    expect(takes(LEFT)).toBe(false);
  });

  it('finds a text whatever its case, and a number inside a range', () => {
    expect(feedTest({ ...NONE, text: 'iNVOICE' })(ISSUE)).toBe(true);
    expect(feedTest({ ...NONE, text: '42' })(ISSUE)).toBe(true);
    expect(feedTest({ ...NONE, text: '44' })(ISSUE)).toBe(false);
    expect(feedTest({ ...NONE, text: 'has left' })(LEFT)).toBe(true);
  });

  it('offers every kind of number event', () => {
    for (const kind of EVENT_KINDS) expect(FEED_CHOICES).toContain(kind);
  });
});

describe('a row of the feed', () => {
  it('says what happened to which numbers, for whom', () => {
    expect(feedRow(ISSUE)).toMatchObject({
      what: 'issued',
      numbers: '41–43',
      number: 41,
      who: 'site-1 / partition-a · on-cycle',
      about: 'Invoice 7',
    });
  });

  it('says how many numbers it does not name', () => {
    expect(feedRow({ ...ISSUE, count: 10 }).numbers).toBe('41–43 +7');
    expect(feedRow({ ...ISSUE, numbers: [], count: 0 })).toMatchObject({ numbers: '', number: null });
  });

  it('tells suppressed, reissued and void numbers apart by shape and word', () => {
    const reissued = { ...ISSUE, numbers: [{ first: 2, last: 2, reused: true }] };
    const rows = [
      feedRow(ISSUE),
      feedRow(reissued),
      feedRow({ ...ISSUE, suppressed: true }),
      feedRow({ ...ISSUE, kind: 'release', to: 'pool' }),
      feedRow({ ...ISSUE, kind: 'release', to: 'void' }),
    ];
    expect(new Set(rows.map(({ shape }) => shape)).size).toBe(rows.length);
    expect(new Set(rows.map(({ what }) => what)).size).toBe(rows.length);
  });

  it('of the cluster has its text', () => {
    expect(feedRow(LEFT)).toMatchObject({ what: 'node left', about: 'site-1-a has left', number: null });
  });
});

describe('the backlog', () => {
  it('keeps the newest events and counts the others', () => {
    const backlog = new FeedBacklog(3);
    backlog.add([1, 2].map(id => ({ id })));
    backlog.add([3, 4, 5].map(id => ({ id })));
    expect(backlog.size).toBe(5);
    expect(backlog.take()).toEqual({ events: [{ id: 3 }, { id: 4 }, { id: 5 }], dropped: 2 });
    expect(backlog.size).toBe(0);
  });
});

describe('the rate of events', () => {
  it('follows what comes, and is forgotten within seconds', () => {
    const rate = new EventRate();
    for (let now = 0; now <= 10_000; now += 100) rate.add(20, now);
    expect(rate.at(10_000)).toBeGreaterThan(180);
    expect(rate.at(10_000)).toBeLessThan(220);
    expect(rate.at(20_000)).toBeLessThan(3);
  });
});
