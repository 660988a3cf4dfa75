import type { Batch, EndReservationFact, Fact, FactOrigin, ReleaseTarget } from './facts.ts';
import { assertFormat, STORED_FORMAT } from './head.ts';
import { type Owner, ownerKey, parseOwnerKey } from './identifiers.ts';
import { flattenRanges, type NumberRange, unflattenRanges } from './ranges.ts';

/** Replaces repeated strings by small integers within one batch. */
export class StringTable {
  readonly strings: string[];
  private readonly indexes = new Map<string, number>();

  constructor(strings: string[] = []) {
    this.strings = strings;
  }

  indexOf(text: string): number {
    let index = this.indexes.get(text);
    if (index === undefined) {
      index = this.strings.push(text) - 1;
      this.indexes.set(text, index);
    }
    return index;
  }

  at(index: number): string {
    return this.strings[index]!;
  }
}

/** A fact as a JSON array: `[kind, …fields]`, the last element an object for what is rarely there. */
export type EncodedFact = readonly unknown[];

interface EncodedOrigin {
  k?: string;
  h?: string;
  g?: number;
  n?: number;
  c?: string;
  t?: string;
  d?: string;
  /** Suppression reason and target. */
  s?: [string, ReleaseTarget];
}

/** Encodes a fact; owners and ingress names go to the table. */
export function encodeFact(fact: Fact, table: StringTable): EncodedFact {
  const fields = encodeFields(fact, table);
  const origin = encodeOrigin(fact, table);
  if (origin !== undefined) fields.push(origin);
  return fields;
}

function encodeFields(fact: Fact, table: StringTable): unknown[] {
  switch (fact.kind) {
    case 'issue':
      return ['i', ...encodeDrawn(fact, table)];
    case 'block':
      return ['b', ...encodeDrawn(fact, table)];
    case 'reserve':
      return ['s', ...encodeDrawn(fact, table), fact.deadline];
    case 'confirm':
      return ['c', ...encodeDrawn(fact, table), fact.reservation.sequence, fact.reservation.index];
    case 'cancel':
    case 'expire':
      return [
        fact.kind === 'cancel' ? 'x' : 'e',
        ...encodeDrawn(fact, table),
        fact.reservation.sequence,
        fact.reservation.index,
        fact.to,
      ];
    case 'release':
      return [
        'r',
        fact.number,
        fact.allocation.sequence,
        fact.allocation.index,
        table.indexOf(ownerKey(fact.owner)),
        fact.reason,
        fact.to,
      ];
    case 'void':
      return [
        'v',
        fact.number,
        fact.allocation.sequence,
        fact.allocation.index,
        table.indexOf(ownerKey(fact.owner)),
        fact.reason,
        fact.actor,
      ];
    case 'raise':
      return ['u', fact.next, fact.skipped?.first ?? 0, fact.reason, fact.actor];
  }
}

/** Three fields: owner, the fresh range as `[first, last]` or 0, the reused ranges flat or 0. */
function encodeDrawn(
  fact: { owner: Owner; fresh: NumberRange | null; reused: readonly NumberRange[] },
  table: StringTable,
): unknown[] {
  return [
    table.indexOf(ownerKey(fact.owner)),
    fact.fresh === null ? 0 : [fact.fresh.first, fact.fresh.last],
    fact.reused.length === 0 ? 0 : flattenRanges(fact.reused),
  ];
}

function encodeOrigin(fact: Fact, table: StringTable): EncodedOrigin | undefined {
  const suppressed = fact.kind === 'issue' ? fact.suppressed : undefined;
  if (
    fact.key === undefined &&
    fact.ingress === undefined &&
    fact.client === undefined &&
    fact.trace === undefined &&
    fact.reference === undefined &&
    suppressed === undefined
  ) {
    return undefined;
  }
  const origin: EncodedOrigin = {};
  if (fact.key !== undefined) origin.k = fact.key;
  if (fact.fingerprint !== undefined) origin.h = fact.fingerprint;
  if (fact.ingress !== undefined) origin.g = table.indexOf(fact.ingress);
  if (fact.ingressNumber !== undefined) origin.n = fact.ingressNumber;
  if (fact.client !== undefined) origin.c = fact.client;
  if (fact.trace !== undefined) origin.t = fact.trace;
  if (fact.reference !== undefined) origin.d = fact.reference;
  if (suppressed !== undefined) origin.s = [suppressed.reason, suppressed.to];
  return origin;
}

/** The reverse of {@link encodeFact}. */
export function decodeFact(encoded: EncodedFact, table: StringTable): Fact {
  const last = encoded.at(-1);
  const stored = isOrigin(last) ? last : undefined;
  const origin = stored === undefined ? {} : decodeOrigin(stored, table);
  const [kind, ...fields] = encoded;
  switch (kind) {
    case 'i': {
      const drawn = decodeDrawn(fields, table);
      if (stored?.s === undefined) return { kind: 'issue', ...drawn, ...origin };
      return { kind: 'issue', ...drawn, ...origin, suppressed: { reason: stored.s[0], to: stored.s[1] } };
    }
    case 'b':
      return { kind: 'block', ...decodeDrawn(fields, table), ...origin };
    case 's':
      return { kind: 'reserve', ...decodeDrawn(fields, table), deadline: fields[3] as number, ...origin };
    case 'c':
      return {
        kind: 'confirm',
        ...decodeDrawn(fields, table),
        reservation: decodePosition(fields, 3),
        ...origin,
      };
    case 'x':
    case 'e':
      return decodeEnd(kind === 'x' ? 'cancel' : 'expire', fields, table, origin);
    case 'r':
      return {
        kind: 'release',
        number: fields[0] as number,
        allocation: decodePosition(fields, 1),
        owner: parseOwnerKey(table.at(fields[3] as number)),
        reason: fields[4] as string,
        to: fields[5] as ReleaseTarget,
        ...origin,
      };
    case 'v':
      return {
        kind: 'void',
        number: fields[0] as number,
        allocation: decodePosition(fields, 1),
        owner: parseOwnerKey(table.at(fields[3] as number)),
        reason: fields[4] as string,
        actor: fields[5] as string,
        ...origin,
      };
    case 'u': {
      const [next, first, reason, actor] = fields as [number, number, string, string];
      return {
        kind: 'raise',
        next,
        skipped: first === 0 ? null : { first, last: next - 1 },
        reason,
        actor,
        ...origin,
      };
    }
    default:
      assertFormat(`fact ${String(kind)}`, 'journal entry');
      throw new Error('unreachable');
  }
}

function decodeEnd(
  kind: 'cancel' | 'expire',
  fields: readonly unknown[],
  table: StringTable,
  origin: FactOrigin,
): EndReservationFact {
  const to = fields[5] as ReleaseTarget;
  return { kind, ...decodeDrawn(fields, table), reservation: decodePosition(fields, 3), to, ...origin };
}

function decodePosition(fields: readonly unknown[], at: number): { sequence: number; index: number } {
  return { sequence: fields[at] as number, index: fields[at + 1] as number };
}

function decodeDrawn(
  fields: readonly unknown[],
  table: StringTable,
): { owner: Owner; fresh: NumberRange | null; reused: NumberRange[] } {
  const [owner, fresh, reused] = fields as [number, 0 | [number, number], 0 | number[]];
  return {
    owner: parseOwnerKey(table.at(owner)),
    fresh: fresh === 0 ? null : { first: fresh[0], last: fresh[1] },
    reused: reused === 0 ? [] : unflattenRanges(reused),
  };
}

function isOrigin(value: unknown): value is EncodedOrigin {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function decodeOrigin(stored: EncodedOrigin, table: StringTable): FactOrigin {
  const origin: { -readonly [K in keyof FactOrigin]: FactOrigin[K] } = {};
  if (stored.k !== undefined) origin.key = stored.k;
  if (stored.h !== undefined) origin.fingerprint = stored.h;
  if (stored.g !== undefined) origin.ingress = table.at(stored.g);
  if (stored.n !== undefined) origin.ingressNumber = stored.n;
  if (stored.c !== undefined) origin.client = stored.c;
  if (stored.t !== undefined) origin.trace = stored.t;
  if (stored.d !== undefined) origin.reference = stored.d;
  return origin;
}

interface StoredBatch {
  f: number;
  s: number;
  p: string;
  t: number;
  n: string;
  x: number;
  w: string[];
  o: EncodedFact[];
}

/** A journal entry as stored. The chain hash is taken over exactly this text. */
export function encodeBatch(batch: Batch): string {
  const table = new StringTable();
  const facts = batch.facts.map(fact => encodeFact(fact, table));
  const stored: StoredBatch = {
    f: STORED_FORMAT,
    s: batch.sequence,
    p: batch.previous,
    t: batch.time,
    n: batch.node,
    x: batch.next,
    w: table.strings,
    o: facts,
  };
  return JSON.stringify(stored);
}

/** The reverse of {@link encodeBatch}. @throws SeqdError `unsupported_format` */
export function decodeBatch(text: string): Batch {
  const stored = JSON.parse(text) as StoredBatch;
  assertFormat(stored.f, 'journal entry');
  const table = new StringTable(stored.w);
  return {
    sequence: stored.s,
    previous: stored.p,
    time: stored.t,
    node: stored.n,
    next: stored.x,
    facts: stored.o.map(fact => decodeFact(fact, table)),
  };
}
