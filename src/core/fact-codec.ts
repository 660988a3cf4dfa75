import type { EndReservationFact, Fact, FactOrigin, RaiseFact, ReleaseTarget } from './facts.ts';
import { assertFormat } from './head.ts';
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
      return encodeRaise(fact);
    case 'adopt':
      return [
        'g',
        fact.first,
        fact.last,
        flattenRanges(fact.gaps),
        fact.to,
        fact.source,
        fact.reason,
        fact.actor,
      ];
    case 'retire':
      return ['t', flattenRanges(fact.ranges), fact.reason, fact.actor];
  }
}

/** A raise that imports has a letter of its own, so that an older node refuses it instead of skipping the numbers. */
function encodeRaise({ next, skipped, reason, actor, imported }: RaiseFact): unknown[] {
  if (imported === undefined) return ['u', next, skipped?.first ?? 0, reason, actor];
  const { first, source, gapsTo } = imported;
  return ['a', next, skipped?.first ?? 0, reason, actor, first, source, gapsTo];
}

/** Three fields: owner, the fresh range, the reused ranges flat or 0. */
function encodeDrawn(
  fact: { owner: Owner; fresh: NumberRange | null; reused: readonly NumberRange[] },
  table: StringTable,
): unknown[] {
  return [
    table.indexOf(ownerKey(fact.owner)),
    encodeFresh(fact.fresh),
    fact.reused.length === 0 ? 0 : flattenRanges(fact.reused),
  ];
}

/** `[first, last]`, one number when they are the same, 0 for none. */
function encodeFresh(fresh: NumberRange | null): number | [number, number] {
  if (fresh === null) return 0;
  return fresh.first === fresh.last ? fresh.first : [fresh.first, fresh.last];
}

function decodeFresh(stored: number | [number, number]): NumberRange | null {
  if (typeof stored !== 'number') return { first: stored[0], last: stored[1] };
  return stored === 0 ? null : { first: stored, last: stored };
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
    case 'a': {
      const [next, skippedFirst, reason, actor, first, source, gapsTo] = fields as [
        number,
        number,
        string,
        string,
        number,
        string,
        ReleaseTarget,
      ];
      const skipped = skippedFirst === 0 ? null : { first: skippedFirst, last: first - 1 };
      return { kind: 'raise', next, skipped, reason, actor, imported: { first, source, gapsTo }, ...origin };
    }
    case 'g': {
      const [first, last, gaps, to, source, reason, actor] = fields as [
        number,
        number,
        number[],
        ReleaseTarget,
        string,
        string,
        string,
      ];
      return {
        kind: 'adopt',
        first,
        last,
        gaps: unflattenRanges(gaps),
        to,
        source,
        reason,
        actor,
        ...origin,
      };
    }
    case 't': {
      const [ranges, reason, actor] = fields as [number[], string, string];
      return { kind: 'retire', ranges: unflattenRanges(ranges), reason, actor, ...origin };
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
  const [owner, fresh, reused] = fields as [number, number | [number, number], 0 | number[]];
  return {
    owner: parseOwnerKey(table.at(owner)),
    fresh: decodeFresh(fresh),
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
