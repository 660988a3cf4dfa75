import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { journalKey, KEYS } from '../../../src/core/records.ts';
import { encodeRecoveryRecord } from '../../../src/core/recovery-record.ts';
import { describeLedgerReport } from '../../../src/cli/verify-ledger-report.ts';
import type { FindingKind } from '../../../src/verify/ledger-findings.ts';
import { type LedgerReport, verifyLedger } from '../../../src/verify/verify-ledger.ts';
import { HistoryWorld, SERIES } from '../../kit/history-world.ts';
import { MemoryLedgerScan } from '../../kit/memory-ledger-scan.ts';
import { playHistory, pruneBehindLedger, publishLedger, steps } from '../../kit/random-history.ts';
import { digest } from '../../kit/series-world.ts';

const owner = { site: 'site-1', partition: 'a', type: 'invoice' };
const place = { site: 'site-1', partition: 'a' };

/** 12 batches: a run, a block, a key, a release, a reissue, a reservation that is kept, one that ends, a void. */
async function exampleWorld(): Promise<HistoryWorld> {
  const world = new HistoryWorld();
  const issue = { kind: 'issue', owner, count: 1 } as const;
  await world.run(Array.from({ length: 4 }, () => ({ command: issue, origin: { client: 'shop' } })));
  await world.do({ kind: 'block', owner, count: 2_000 }, { trace: 't' });
  await world.do(issue, { key: 'k', fingerprint: 'f', reference: 'INV-1' });
  await world.do({ kind: 'release', number: 2, ...place, reason: 'cancelled' });
  await world.do(issue, { reference: 'INV-2' });
  await world.do({ kind: 'reserve', owner, count: 3, holdMs: 1e9 });
  await world.do({ kind: 'reserve', owner, count: 2, holdMs: 1e9 });
  await world.do({ kind: 'cancel', reservation: { sequence: 7, index: 0 }, ...place });
  await world.do({ kind: 'void', number: 10, ...place, reason: 'damaged', actor: 'eve' });
  await world.do({ kind: 'raise', next: 3_000, reason: 'site moved', actor: 'eve' });
  await world.do(issue);
  await world.do(issue);
  await publishLedger(world);
  return world;
}

async function verify(world: HistoryWorld, scan: MemoryLedgerScan): Promise<LedgerReport> {
  return (await verifyLedger(SERIES, { store: world.store, scan, digest }))!;
}

const texts = ({ findings }: LedgerReport): string[] => findings.map(({ detail }) => detail);
const kinds = ({ findings }: LedgerReport): FindingKind[] => findings.map(({ kind }) => kind);

describe('an untouched ledger', () => {
  test('is sound, and makes exactly what is stored', async () => {
    const world = await exampleWorld();
    const report = await verify(world, new MemoryLedgerScan(world.entries));
    expect(texts(report)).toEqual([]);
    expect(report).toMatchObject({
      sound: true,
      sequence: 12,
      batches: 12,
      facts: 15,
      behind: 0,
      journalCompared: 12,
      replayed: true,
      chain: digest(world.entries.at(-1)!.text),
    });
  });

  test('is sound, whatever its history, however much the journal has left, and however far it is behind', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(100), fc.nat(100), async (history, behind, kept) => {
        const world = await playHistory(history);
        const projected = Math.max(1, world.entries.length - (behind % 4));
        await publishLedger(world, projected);
        const scan = new MemoryLedgerScan(world.entries.slice(0, projected));
        expect(texts(await verify(world, scan))).toEqual([]);
        expect(await verify(world, scan)).toMatchObject({
          replayed: true,
          behind: world.entries.length - projected,
        });
        if (projected === world.entries.length && projected > 2) {
          await pruneBehindLedger(world, 2 + (kept % (projected - 1)));
          expect(texts(await verify(world, scan))).toEqual([]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('with a documented hole is sound, and the hole is named; a larger gap is a finding', async () => {
    const world = await exampleWorld();
    await pruneBehindLedger(world, 8);
    const scan = new MemoryLedgerScan(world.entries);
    const keep = ({ sequence }: { sequence: number }): boolean => sequence < 4 || sequence > 6;
    scan.batches = scan.batches.filter(keep);
    scan.facts = scan.facts.filter(keep);
    expect(kinds(await verify(world, scan))).toContain('missing');
    const hole = { first: 4, last: 6, reason: 'an old backup', actor: 'eve', time: 1_000 };
    scan.holes = [hole];
    const report = await verify(world, scan);
    expect(texts(report)).toEqual([]);
    expect(report).toMatchObject({ sound: true, holes: [hole], replayed: false, sequence: 12 });
    const lines = describeLedgerReport(report).join('\n');
    expect(lines).toContain('documented hole: batches 4 to 6');
    expect(lines).toContain('accepted by eve at 1970-01-01T00:00:01.000Z: an old backup');
    scan.batches = scan.batches.filter(({ sequence }) => sequence !== 7);
    expect(kinds(await verify(world, scan))).toContain('missing');
  });

  test('that ends in a documented hole is sound', async () => {
    const world = await exampleWorld();
    const scan = new MemoryLedgerScan(world.entries.slice(0, 3));
    await pruneBehindLedger(world, 8);
    const { previous: chain, next } = world.entries[7]!.batch;
    scan.checkpoint = { sequence: 7, chain, next };
    scan.holes = [{ first: 4, last: 7, reason: 'an old backup', actor: 'eve', time: 1_000 }];
    await publishLedger(world, 7);
    expect(texts(await verify(world, scan))).toEqual([]);
  });

  test('of nothing is nothing', async () => {
    const world = new HistoryWorld();
    const scan = new MemoryLedgerScan([]);
    expect(await verifyLedger(SERIES, { store: world.store, scan, digest })).toBeNull();
  });

  test('that has nothing yet is behind, and nothing more', async () => {
    const fresh = new HistoryWorld();
    await fresh.do({ kind: 'issue', owner, count: 1 });
    const report = await verify(fresh, new MemoryLedgerScan([]));
    expect(report).toMatchObject({ sound: true, sequence: 0, behind: 1, replayed: true });
  });
});

interface Case {
  readonly what: string;
  readonly tamper: (scan: MemoryLedgerScan, world: HistoryWorld) => unknown;
  readonly kind: FindingKind;
  /** Part of what is said. */
  readonly says: string;
}

const CASES: readonly Case[] = [
  {
    what: 'a fact changed',
    tamper: scan => (scan.facts.find(({ key }) => key === 'k')!.reference = 'INV-9'),
    kind: 'changed',
    says: 'batch 3, index 0, part 0 (issue, number 2005) has reference "INV-9" instead of "INV-1"',
  },
  {
    what: 'a fact given to another owner',
    tamper: scan => (scan.facts[0]!.owner = { ...owner, type: 'credit' }),
    kind: 'changed',
    says: 'has owner {"site":"site-1","partition":"a","type":"credit"} instead of',
  },
  {
    what: 'a fact removed',
    tamper: scan => scan.facts.splice(1, 1),
    kind: 'missing',
    says: 'facts: the row of batch 2, index 0, part 0 (block, numbers 5 to 2004) is missing',
  },
  {
    what: 'a fact inserted',
    tamper: scan => scan.facts.push({ ...scan.facts[0]!, index: 7, first: 9_000, last: 9_000 }),
    kind: 'inserted',
    says: 'facts: the row of batch 1, index 7, part 0 (issue, number 9000) is in no batch',
  },
  {
    what: 'a fact moved to another batch',
    tamper: scan => (scan.facts.find(({ kind }) => kind === 'void')!.sequence = 10),
    kind: 'missing',
    says: 'batch 9, index 0, part 0 (void, number 10) is missing',
  },
  {
    what: 'a fact of no batch',
    tamper: scan => scan.facts.push({ ...scan.facts[0]!, sequence: 50 }),
    kind: 'inserted',
    says: 'batch 50, index 0, part 0 (issue, numbers 1 to 4) belongs to a batch that is not there',
  },
  {
    what: 'a row of no possible batch',
    tamper: scan => scan.facts.push({ ...scan.facts[0]!, sequence: -1 }),
    kind: 'inserted',
    says: 'there is a row of batch -1',
  },
  {
    what: 'a batch deleted',
    tamper: scan => scan.batches.splice(4, 1),
    kind: 'missing',
    says: 'batches: batch 5 is missing',
  },
  {
    what: 'batches deleted with their facts',
    tamper: scan => {
      scan.batches.splice(0, 3);
      scan.facts = scan.facts.filter(({ sequence }) => sequence > 3);
    },
    kind: 'missing',
    says: 'batches: batches 1 to 3 are missing',
  },
  {
    what: 'a batch that is there twice',
    tamper: scan => scan.batches.push({ ...scan.batches[4]!, time: 1 }),
    kind: 'duplicate',
    says: 'batch 5 is there 2 times',
  },
  {
    what: 'two batches swapped',
    tamper: scan => {
      scan.batches[4]!.sequence = 6;
      scan.batches[5]!.sequence = 5;
    },
    kind: 'unreadable',
    says: 'batches: the body of batch 5 is that of batch 6',
  },
  {
    what: 'the column of a batch changed',
    tamper: scan => (scan.batches[2]!.node = 'somebody'),
    kind: 'changed',
    says: 'batches: batch 3 has node "somebody" instead of "node-1"',
  },
  {
    what: 'a body changed',
    tamper: scan => (scan.batches[2]!.body = scan.batches[2]!.body.replace('INV-1', 'INV-7')),
    kind: 'chain',
    says: 'the body of batch 3 has the hash',
  },
  {
    what: 'a body and its hash changed',
    tamper: scan => {
      const row = scan.batches[2]!;
      row.body = row.body.replace('INV-1', 'INV-7');
      row.chain = digest(row.body);
      scan.facts.find(({ key }) => key === 'k')!.reference = 'INV-7';
    },
    kind: 'chain',
    says: 'batch 4 follows a batch with the hash',
  },
  {
    what: 'a body that is no batch',
    tamper: scan => (scan.batches[2]!.body = '{"f":1}'),
    kind: 'unreadable',
    says: 'the body of batch 3 cannot be read',
  },
  {
    what: 'a body made to fill the memory',
    tamper: scan =>
      (scan.batches[2]!.body = scan.batches[0]!.body.replace(/"o":.*$/, '"o":[["n",0,1,1e15]]}')),
    kind: 'unreadable',
    says: 'a run of facts that is too long',
  },
  {
    what: 'ranges made to fill the memory',
    tamper: scan =>
      (scan.batches[2]!.body = scan.batches[0]!.body.replace(/"o":.*$/, '"o":[["i",0,0,[1,1e15]]]}')),
    kind: 'unreadable',
    says: 'ranges that no batch can have',
  },
  {
    what: 'a history rewritten from one batch on, with all its hashes',
    tamper: (scan, world) => scan.rewrite(world.entries, 6, batch => ({ ...batch, node: 'somebody' })),
    kind: 'journal',
    says: "the body of batch 6 is not the text in etcd's journal",
  },
  {
    what: 'that, when the journal has nothing of it any more',
    tamper: async (scan, world) => {
      await pruneBehindLedger(world, 13);
      scan.rewrite(world.entries, 6, batch => ({ ...batch, node: 'somebody' }));
    },
    kind: 'forked',
    says: 'batch 12 has the hash',
  },
  {
    what: 'that, when etcd has gone on',
    tamper: async (scan, world) => {
      await pruneBehindLedger(world, 13);
      scan.rewrite(world.entries, 6, batch => ({ ...batch, node: 'somebody' }));
      await world.do({ kind: 'issue', owner, count: 1 });
    },
    kind: 'forked',
    says: "etcd's batch 13 follows a batch with the hash",
  },
  {
    what: 'a history rewritten before what the projector has told',
    tamper: async (scan, world) => {
      await pruneBehindLedger(world, 13);
      scan.rewrite(world.entries, 6, batch => ({ ...batch, node: 'somebody' }));
    },
    kind: 'forked',
    says: 'as its projector has told etcd, and has',
  },
  {
    what: 'times that fall',
    tamper: (scan, world) =>
      scan.rewrite(world.entries, 6, batch => ({ ...batch, time: batch.time - 5_000 })),
    kind: 'order',
    says: 'batches: batch 6 is of',
  },
  {
    what: 'a counter that does not go on where it was',
    tamper: (scan, world) => scan.rewrite(world.entries, 11, batch => ({ ...batch, next: 7_000 })),
    kind: 'order',
    says: 'batch 11 finds the counter at 7000, the one before has left it at 3000',
  },
  {
    what: 'a history that cannot have happened',
    tamper: (scan, world) =>
      scan.rewrite(world.entries, 9, batch => ({
        ...batch,
        facts: batch.facts.map(fact => (fact.kind === 'void' ? { ...fact, number: 3_500 } : fact)),
      })),
    kind: 'state',
    says: 'batch 9 does not fit the state',
  },
  {
    what: 'the tail cut off, and the checkpoint moved back',
    tamper: (scan, world) => Object.assign(scan, new MemoryLedgerScan(world.entries.slice(0, 8))),
    kind: 'truncated',
    says: 'the ledger has had batches up to 12, as its projector has told etcd, and ends with 8 now',
  },
  {
    what: 'the tail cut off',
    tamper: scan => {
      scan.batches.splice(10);
      scan.facts = scan.facts.filter(({ sequence }) => sequence <= 10);
    },
    kind: 'checkpoint',
    says: 'the checkpoint stands at batch 12, the last batch is 10',
  },
  {
    what: 'the checkpoint moved',
    tamper: scan => (scan.checkpoint!.sequence = 11),
    kind: 'checkpoint',
    says: 'the checkpoint stands at batch 11, the last batch is 12',
  },
  {
    what: 'the chain of the checkpoint changed',
    tamper: scan => (scan.checkpoint!.chain = 'f'.repeat(64)),
    kind: 'checkpoint',
    says: 'the checkpoint says chain ffff',
  },
  {
    what: 'the counter of the checkpoint changed',
    tamper: scan => (scan.checkpoint!.next = 5),
    kind: 'checkpoint',
    says: 'the checkpoint says next 5, after batch 12 it is 3000',
  },
  {
    what: 'the checkpoint of an empty ledger',
    tamper: scan => {
      scan.batches = [];
      scan.facts = [];
      scan.checkpoint = { sequence: 0, chain: '0'.repeat(64), next: 5 };
    },
    kind: 'checkpoint',
    says: 'the checkpoint says next 5, after batch 0 it is 0',
  },
  {
    what: 'a revision changed while the journal tells',
    tamper: scan => (scan.batches[2]!.revision += 1),
    kind: 'changed',
    says: 'batch 3 has revision',
  },
];

describe('named is', () => {
  test.each(CASES.map(one => [one.what, one] as const))('%s', async (_, { tamper, kind, says }) => {
    const world = await exampleWorld();
    const scan = new MemoryLedgerScan(world.entries);
    await tamper(scan, world);
    const report = await verify(world, scan);
    expect(report.sound).toBe(false);
    expect(texts(report)).toContainEqual(expect.stringContaining(says));
    expect(kinds(report)).toContain(kind);
  });

  test('one change once: nothing else is said of it', async () => {
    const world = await exampleWorld();
    await pruneBehindLedger(world, 13);
    const changes: ((scan: MemoryLedgerScan) => unknown)[] = [
      scan => (scan.facts[2]!.client = 'x'),
      scan => scan.facts.splice(2, 1),
      scan => (scan.batches[5]!.chain = 'f'.repeat(64)),
      scan => (scan.batches[5]!.facts = 9),
      scan => scan.batches.push({ ...scan.batches[4]!, time: 1, body: scan.batches[3]!.body }),
    ];
    for (const change of changes) {
      const scan = new MemoryLedgerScan(world.entries);
      change(scan);
      expect(texts(await verify(world, scan))).toHaveLength(1);
    }
  });

  test('the first hundred; the rest is counted', async () => {
    const world = await exampleWorld();
    const scan = new MemoryLedgerScan(world.entries);
    for (let sequence = 20; sequence < 270; sequence += 1) scan.facts.push({ ...scan.facts[0]!, sequence });
    const report = await verify(world, scan);
    expect(report.findings).toHaveLength(100);
    expect(report.findingCount).toBe(250);
  });
});

describe('etcd', () => {
  test('that ends before the ledger is named, with what to do', async () => {
    const world = await exampleWorld();
    const ahead = await exampleWorld();
    await ahead.do({ kind: 'issue', owner, count: 1 });
    const report = await verify(world, new MemoryLedgerScan(ahead.entries));
    expect(texts(report)).toEqual([
      expect.stringMatching(/^etcd ends with batch 12, the ledger with 13: .*"seqd recover"/),
    ]);
    expect(report.replayed).toBe(false);
  });

  test('without the series is named', async () => {
    const world = await exampleWorld();
    const report = await verify(new HistoryWorld(), new MemoryLedgerScan(world.entries));
    expect(texts(report)).toEqual([expect.stringContaining('etcd ends with batch 0, the ledger with 12')]);
  });

  test('whose state is not what the batches make is named, field by field', async () => {
    const world = await exampleWorld();
    const { record } = await world.store.read(SERIES, KEYS.head);
    const { records } = await world.store.range({
      series: SERIES,
      from: KEYS.pool,
      to: `${KEYS.pool}\uffff`,
    });
    const head = JSON.parse(record!.value) as Record<string, unknown>;
    await world.store.commit({
      series: SERIES,
      expectedHead: record!.value,
      puts: [
        { key: KEYS.head, value: JSON.stringify({ ...head, issued: 1 }) },
        { key: 'reservations/9-9', value: '{}' },
        { key: records[0]!.key, value: records[0]!.value.replace(/\d+/, '77') },
      ],
      deletes: records.slice(1).map(({ key }) => key),
      journalKey: 'journal/x',
    });
    const report = await verify(world, new MemoryLedgerScan(world.entries));
    expect(texts(report)).toEqual([
      expect.stringContaining('head: issued is 1, the batches make it'),
      expect.stringContaining(`page: ${records[0]!.key} is`),
      ...records.slice(1).map(({ key }) => expect.stringContaining(`page: ${key} is not stored`) as string),
      expect.stringContaining('reservation: reservations/9-9 is stored, but no batch makes it'),
    ]);
  });

  test('that has got batches back by a recovery has them under other revisions', async () => {
    const world = await exampleWorld();
    const { record } = await world.store.read(SERIES, KEYS.head);
    const recovery = encodeRecoveryRecord({
      state: 'done',
      foundSequence: 10,
      sequence: 12,
      next: 3_000,
      replayed: [{ first: 11, last: 12 }],
      time: 1,
      actor: 'eve',
    });
    const again = world.entries
      .slice(9)
      .map(({ batch, text }) => ({ key: journalKey(batch.sequence), value: text }));
    await world.store.commit({
      series: SERIES,
      expectedHead: record!.value,
      puts: [...again, { key: KEYS.recovery, value: recovery }],
      deletes: [],
      journalKey: 'journal/x',
    });
    expect(texts(await verify(world, new MemoryLedgerScan(world.entries)))).toEqual([
      expect.stringContaining('batch 10 has revision'),
    ]);
  });

  test('with a hole in its journal is named', async () => {
    const world = await exampleWorld();
    const { record } = await world.store.read(SERIES, KEYS.head);
    await world.store.commit({
      series: SERIES,
      expectedHead: record!.value,
      puts: [],
      deletes: [journalKey(5)],
      journalKey: 'journal/x',
    });
    const all = await verify(world, new MemoryLedgerScan(world.entries));
    expect(texts(all)).toEqual(['journal: etcd has no entry of batch 5, though its journal begins with 1']);
    const behind = await verify(world, new MemoryLedgerScan(world.entries.slice(0, 3)));
    expect(kinds(behind)).toEqual(['truncated', 'journal']);
  });
});

/** One thing that somebody may do to a row; nothing when it would change nothing. */
type Tamper = (scan: MemoryLedgerScan, at: number, world: HistoryWorld) => boolean;

const other = (value: unknown): unknown => {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  return value === null ? 'x' : null;
};

const TAMPERS: Readonly<Record<string, Tamper>> = {
  'a column of facts': (scan, at) => {
    const row = scan.facts[at % scan.facts.length]! as unknown as Record<string, unknown>;
    const columns = Object.keys(row);
    const column = columns[at % columns.length]!;
    row[column] =
      ['allocation', 'owner'].includes(column) && row[column] === null
        ? { sequence: 1, index: 0 }
        : other(row[column]);
    return true;
  },
  'a column of batches': (scan, at) => {
    const row = scan.batches[at % scan.batches.length]! as unknown as Record<string, unknown>;
    // The revision stands nowhere else, once the journal is pruned.
    const columns = Object.keys(row).filter(column => column !== 'revision' && column !== 'body');
    const column = columns[at % columns.length]!;
    row[column] = other(row[column]) ?? 'x';
    return true;
  },
  'a character of a body': (scan, at) => {
    const row = scan.batches[at % scan.batches.length]!;
    const i = at % row.body.length;
    row.body = `${row.body.slice(0, i)}${row.body[i] === '1' ? '2' : '1'}${row.body.slice(i + 1)}`;
    return true;
  },
  'a character of a body, with its hash': (scan, at) => {
    const row = scan.batches[at % scan.batches.length]!;
    const i = at % row.body.length;
    row.body = `${row.body.slice(0, i)}${row.body[i] === '1' ? '2' : '1'}${row.body.slice(i + 1)}`;
    row.chain = digest(row.body);
    if (row.sequence === scan.checkpoint!.sequence) scan.checkpoint!.chain = row.chain;
    return true;
  },
  'a row of facts removed': (scan, at) => scan.facts.splice(at % scan.facts.length, 1).length > 0,
  'a row of facts copied': (scan, at) => {
    const row = scan.facts[at % scan.facts.length]!;
    return scan.facts.push({ ...row, [['index', 'part', 'sequence', 'time'][at % 4]!]: 1_000 + at }) > 0;
  },
  'a batch removed': (scan, at) => scan.batches.splice(at % scan.batches.length, 1).length > 0,
  'a batch removed with its facts': (scan, at) => {
    const [row] = scan.batches.splice(at % scan.batches.length, 1);
    scan.facts = scan.facts.filter(({ sequence }) => sequence !== row!.sequence);
    return true;
  },
  'two rows of facts exchanged': (scan, at) => {
    const [a, b] = [scan.facts[at % scan.facts.length]!, scan.facts[(at + 1) % scan.facts.length]!];
    if (a === b) return false;
    const place = ({ sequence, index, part }: typeof a) => ({ sequence, index, part });
    const [of, to] = [place(a), place(b)];
    Object.assign(a, to);
    Object.assign(b, of);
    return true;
  },
  'two bodies exchanged': (scan, at) => {
    const [a, b] = [scan.batches[at % scan.batches.length]!, scan.batches[(at + 1) % scan.batches.length]!];
    [a.body, b.body] = [b.body, a.body];
    return a !== b;
  },
  'the tail, with the checkpoint': (scan, at, { entries }) => {
    const left = at % entries.length;
    Object.assign(scan, new MemoryLedgerScan(entries.slice(0, left)));
    if (left === 0) scan.checkpoint = undefined;
    return true;
  },
  'all from some batch on, with all hashes': (scan, at, { entries }) => {
    scan.rewrite(entries, 1 + (at % entries.length), batch => ({ ...batch, serial: batch.serial + 1 }));
    return true;
  },
};

describe('whatever somebody does to a ledger', () => {
  test.each(Object.entries(TAMPERS))('is found: %s', async (_, tamper) => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(1_000_000), fc.boolean(), async (history, at, pruned) => {
        const world = await playHistory(history);
        await publishLedger(world);
        if (pruned) await pruneBehindLedger(world, world.entries.length + 1);
        const scan = new MemoryLedgerScan(world.entries);
        fc.pre(tamper(scan, at, world));
        const report = await verify(world, scan);
        expect(report.findingCount).toBeGreaterThan(0);
        expect(report.sound).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});
