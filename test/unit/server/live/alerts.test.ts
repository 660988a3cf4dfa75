import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AlertBook, type AlertFinding } from '../../../../src/server/live/alert-book.ts';
import { findAlerts } from '../../../../src/server/live/find-alerts.ts';
import type { LiveNode, LiveView } from '../../../../src/server/live/live-protocol.ts';
import type { NodeStatus } from '../../../../src/server/live/node-status.ts';
import { nodeOf, numbersOf, viewOf } from '../../../kit/live-frames.ts';
import { status } from './live-world.ts';

const LEDGER = { ...viewOf().ledger, state: 'ok', position: 10, projector: 'node-1' } as const;
const GIB = 1024 ** 3;

function nodes(fields: Partial<LiveNode>): readonly LiveNode[] {
  return [nodeOf('node-1'), nodeOf('node-2', fields)];
}

function members(fields: object, count = 1): LiveView['members'] {
  return viewOf().members.map((member, i) => (i < count ? { ...member, ...fields } : member));
}

interface Case {
  readonly seen?: Partial<LiveView>;
  readonly statuses?: readonly Partial<NodeStatus>[];
}

function find({ seen = {}, statuses = [{}, {}] }: Case): AlertFinding[] {
  return findAlerts(viewOf(seen), {
    statuses: statuses.map((fields, i) => ({ node: `node-${i + 1}`, status: status(fields) })),
  });
}

const CASES: readonly [what: string, found: readonly string[], given: Case][] = [
  ['all is well', [], {}],
  ['all is well with a ledger', [], { seen: { ledger: LEDGER } }],
  ['a hole', ['critical holes'], { seen: { numbers: numbersOf({ holes: 1 }) } }],
  ['more numbers than there can be', ['critical holes'], { seen: { numbers: numbersOf({ holes: -1 }) } }],
  ['a stopped series', ['critical stopped:node-2'], { statuses: [{}, { stopped: 'contradiction' }] }],
  [
    'a restore from a backup',
    ['critical restore-guard:refusing'],
    { seen: { restoreGuard: { state: 'refusing', detail: 'set back' } } },
  ],
  ['no leader', ['critical no-leader'], { seen: { leader: null } }],
  [
    'no quorum, and so no leader and no node that is ready',
    ['critical quorum-lost', 'warning member:http://etcd-1', 'warning member:http://etcd-2'],
    {
      seen: { leader: null, members: members({ healthy: false }, 2), nodes: nodes({ state: 'not-ready' }) },
      statuses: [{ etcdConnected: false }],
    },
  ],
  ['one node cut off', ['warning etcd-cut:node-2'], { statuses: [{}, { etcdConnected: false }] }],
  ['a lost member', ['warning member:http://etcd-1'], { seen: { members: members({ healthy: false }) } }],
  [
    'a database that fills up',
    ['warning database:http://etcd-1'],
    { seen: { members: members({ databaseBytes: 1.5 * GIB }) } },
  ],
  [
    'a database that is nearly full',
    ['critical database:http://etcd-1'],
    { seen: { members: members({ databaseBytes: 1.9 * GIB }) } },
  ],
  ['a silent node', ['warning node-silent:node-2'], { seen: { nodes: nodes({ state: 'silent' }) } }],
  [
    'a node that is not ready',
    ['warning node-not-ready:node-2'],
    { seen: { nodes: nodes({ state: 'not-ready' }) } },
  ],
  ['a node that has left', ['info node-gone:node-2'], { seen: { nodes: nodes({ state: 'gone' }) } }],
  ['a busy process', ['warning event-loop:node-2'], { seen: { nodes: nodes({ eventLoopDelayMs: 51 }) } }],
  ['two versions', ['info versions'], { seen: { nodes: nodes({ version: '2.0.0' }) } }],
  [
    'a ledger that is down',
    ['warning ledger-down'],
    { seen: { ledger: { ...LEDGER, state: 'unavailable' } } },
  ],
  [
    'a ledger that is behind',
    ['warning ledger-lagging'],
    { seen: { ledger: { ...LEDGER, state: 'lagging' } } },
  ],
  [
    'a ledger that diverged',
    ['critical ledger-diverged'],
    { seen: { ledger: { ...LEDGER, state: 'diverged' } } },
  ],
  ['a journal that fills', ['warning journal-full'], { seen: { ledger: { ...LEDGER, fullness: 0.5 } } }],
  ['a journal that is full', ['critical journal-full'], { seen: { ledger: { ...LEDGER, fullness: 1 } } }],
  [
    'nobody who writes the ledger',
    ['warning no-projector'],
    { seen: { ledger: { ...LEDGER, projector: null } } },
  ],
  [
    'a ledger that was changed',
    ['critical ledger-changed'],
    {
      seen: {
        ledger: { ...LEDGER, verification: { sequence: 3, problems: 2, lastPassAt: 1, finding: 'row 3' } },
      },
    },
  ],
  ['few numbers', ['warning exhausted'], { seen: { numbers: numbersOf({ next: 960_000 }) } }],
  ['no numbers', ['critical exhausted'], { seen: { numbers: numbersOf({ next: 1_000_001 }) } }],
  [
    'no numbers but those of the pool',
    ['warning exhausted'],
    { seen: { numbers: numbersOf({ next: 1_000_001, pooled: 3 }) } },
  ],
  [
    'requests that are refused',
    ['warning refused'],
    { seen: { traffic: { ...viewOf().traffic, requestsPerSecond: 100, errorsPerSecond: 2 } } },
  ],
];

describe('alerts', () => {
  test.each(CASES)('%s: %j', (_what, found, given) => {
    expect(find(given).map(({ level, id }) => `${level} ${id}`)).toEqual(found);
  });

  test('a lost member is told of in whole sentences', () => {
    const [silent] = find({ seen: { members: members({ healthy: false, error: 'no answer in time' }) } });
    expect(silent?.detail).toBe('Asked for its state: no answer in time. No other one may fail.');
    const [, alone] = find({ seen: { members: members({ healthy: false }, 2) } });
    expect(alone?.detail).toBe('It has no leader. Too few are left.');
  });

  test('name only headings that the runbook has', () => {
    const page = readFileSync(new URL('../../../../docs/runbook.md', import.meta.url), 'utf8');
    const headings = new Set([...page.matchAll(/^### (.+)$/gm)].map(match => match[1]));
    const named = CASES.flatMap(([, , given]) => find(given).flatMap(({ runbook }) => runbook ?? []));
    expect(named.length).toBeGreaterThan(15);
    for (const heading of named) expect(headings).toContain(heading);
  });
});

describe('the book of alerts', () => {
  const silent: AlertFinding = { id: 'silent', level: 'warning', title: 'Silent', detail: 'since then' };
  const later: AlertFinding = { ...silent, id: 'later', level: 'critical', afterMs: 1_000 };

  test('raises each alert once, keeps since when, and says when it is over', () => {
    const book = new AlertBook();
    const first = book.update([silent], 100);
    expect(first.current).toEqual([{ ...silent, since: 100 }]);
    expect(first.events.map(({ kind }) => kind)).toEqual(['alert:raised']);
    const second = book.update([{ ...silent, detail: 'still' }], 5_000);
    expect(second).toEqual({ current: [{ ...silent, detail: 'still', since: 100 }], events: [] });
    const third = book.update([], 9_000);
    expect(third.current).toEqual([]);
    expect(third.events.map(({ kind }) => kind)).toEqual(['alert:cleared']);
  });

  test('waits where it was told to, and starts anew when it was not so in between', () => {
    const book = new AlertBook();
    expect(book.update([later], 0).current).toEqual([]);
    expect(book.update([], 500).events).toEqual([]);
    expect(book.update([later], 900).current).toEqual([]);
    expect(book.update([later], 1_800).current).toEqual([]);
    expect(book.update([later], 1_900).current).toHaveLength(1);
  });

  test('what comes and goes is one alert, and the worst comes first', () => {
    const book = new AlertBook();
    book.update([silent], 0);
    expect(book.update([], 1_000).current).toHaveLength(1);
    const { current, events } = book.update([silent, { ...later, afterMs: 0 }], 2_500);
    expect(current.map(({ id }) => id)).toEqual(['later', 'silent']);
    expect(current[1]!.since).toBe(0);
    expect(events.map(({ id }) => id)).toEqual(['alert-raised:later:2500']);
  });
});
