import { decodeFact, type EncodedFact, encodeFact, StringTable } from './fact-codec.ts';
import type { Batch, Fact, IssueFact } from './facts.ts';
import { assertFormat, STORED_FORMAT } from './head.ts';
import { ownerKey, parseOwnerKey, sameOwner } from './identifiers.ts';
import type { NumberRange } from './ranges.ts';
import { parseStored } from './stored-text.ts';

interface StoredBatch {
  f: number;
  s: number;
  p: string;
  t: number;
  n: string;
  a: number;
  x: number;
  w: string[];
  o: EncodedFact[];
}

/** A journal entry as stored. The chain hash is taken over exactly this text. */
export function encodeBatch(batch: Batch): string {
  const table = new StringTable();
  const facts = encodeFacts(batch.facts, table);
  const stored: StoredBatch = {
    f: STORED_FORMAT,
    s: batch.sequence,
    p: batch.previous,
    t: batch.time,
    n: batch.node,
    a: batch.serial,
    x: batch.next,
    w: table.strings,
    o: facts,
  };
  return JSON.stringify(stored);
}

/** The reverse of {@link encodeBatch}. @throws SeqdError `unsupported_format` */
export function decodeBatch(text: string): Batch {
  const stored = parseStored('journal entry', text) as StoredBatch;
  assertFormat(stored.f, 'journal entry');
  const table = new StringTable(stored.w);
  return {
    sequence: stored.s,
    previous: stored.p,
    time: stored.t,
    node: stored.n,
    serial: stored.a,
    next: stored.x,
    facts: decodeFacts(stored.o, table),
  };
}

/**
 * Encodes facts in order. A run of the plainest facts there are (one fresh number each, consecutive, for the same owner,
 * with nothing said about the request but a consecutive ingress number) takes one array for all:
 * `['n', owner, first, count]` or `['n', owner, first, count, ingress, firstIngressNumber]`.
 */
export function encodeFacts(facts: readonly Fact[], table: StringTable): EncodedFact[] {
  const encoded: EncodedFact[] = [];
  for (let i = 0; i < facts.length;) {
    const length = runLength(facts, i);
    if (length < RUN_MIN) {
      encoded.push(encodeFact(facts[i]!, table));
      i += 1;
      continue;
    }
    const first = facts[i] as IssueFact;
    const run: unknown[] = ['n', table.indexOf(ownerKey(first.owner)), first.fresh!.first, length];
    if (first.ingress !== undefined) run.push(table.indexOf(first.ingress), first.ingressNumber);
    encoded.push(run);
    i += length;
  }
  return encoded;
}

/** Shorter runs are no shorter than their facts. */
const RUN_MIN = 2;

/** How many facts from `from` on make one run; 0 when that one is not plain. */
function runLength(facts: readonly Fact[], from: number): number {
  const first = facts[from]!;
  if (!isPlain(first)) return 0;
  let length = 1;
  for (; from + length < facts.length; length += 1) {
    const next = facts[from + length]!;
    if (!isPlain(next) || next.fresh.first !== first.fresh.first + length) break;
    if (!sameOwner(next.owner, first.owner)) break;
    if (next.ingress !== first.ingress) break;
    if (first.ingressNumber !== undefined && next.ingressNumber !== first.ingressNumber + length) break;
  }
  return length;
}

function isPlain(fact: Fact): fact is IssueFact & { readonly fresh: NumberRange } {
  return (
    fact.kind === 'issue' &&
    fact.fresh !== null &&
    fact.fresh.first === fact.fresh.last &&
    fact.reused.length === 0 &&
    fact.suppressed === undefined &&
    fact.key === undefined &&
    fact.client === undefined &&
    fact.trace === undefined &&
    fact.reference === undefined
  );
}

/** The reverse of {@link encodeFacts}. */
export function decodeFacts(encoded: readonly EncodedFact[], table: StringTable): Fact[] {
  const facts: Fact[] = [];
  for (const one of encoded) {
    if (one[0] === 'n') decodeRun(one, table, facts);
    else facts.push(decodeFact(one, table));
  }
  return facts;
}

function decodeRun(encoded: EncodedFact, table: StringTable, into: Fact[]): void {
  const [, ownerIndex, first, length, ingressIndex, ingressFirst] = encoded as [
    string,
    number,
    number,
    number,
    number?,
    number?,
  ];
  const owner = parseOwnerKey(table.at(ownerIndex));
  const ingress = ingressIndex === undefined ? undefined : table.at(ingressIndex);
  for (let i = 0; i < length; i += 1) {
    const fresh = { first: first + i, last: first + i };
    if (ingress === undefined) into.push({ kind: 'issue', owner, fresh, reused: [] });
    else into.push({ kind: 'issue', owner, fresh, reused: [], ingress, ingressNumber: ingressFirst! + i });
  }
}
