import { isDeepStrictEqual } from 'node:util';
import { checkHistory, type ObservedOperation } from '../../../src/core/history.ts';
import { formatAllocationId, type Position, samePosition } from '../../../src/core/identifiers.ts';
import type { NumberRange } from '../../../src/core/ranges.ts';
import { type Attempt, type ClientLog, type Operation, retryOf } from './sim-client.ts';
import { BATCH_AHEAD_MS_MAX, type PlacedFact, SIM_EPOCH_MS, type SimCluster } from './sim-cluster.ts';
import type { WorkloadClient } from './workload.ts';

/**
 * Everything that must be true once a run has settled. Returns one sentence for each thing that is not.
 *
 * Because each attempt leaves its own reference in the fact it causes, it is known of every single attempt whether
 * it took effect; no answer needs to be taken on trust.
 */
export async function checkRun(
  cluster: SimCluster,
  log: ClientLog,
  clients: readonly WorkloadClient[],
): Promise<string[]> {
  const facts = await cluster.facts();
  return [
    ...(await checkStore(cluster)),
    ...checkAttempts(log, facts),
    ...checkKeys(log, facts),
    ...checkHoldings(clients, facts),
    ...checkReservations(log, facts),
    ...checkTimes(cluster, facts),
    ...checkOrder(log, facts, cluster.options.settings?.start ?? 1),
    ...checkEngines(cluster),
  ];
}

async function checkStore(cluster: SimCluster): Promise<string[]> {
  const report = await cluster.verify();
  if (report === null || report.complete) return [];
  const { missing, duplicates, problems } = report;
  return [
    `the series is not complete: ${missing} missing, ${duplicates.length} twice`,
    ...problems.map(problem => `completeness: ${problem}`),
  ];
}

/** What a client was told about each attempt is what the journal says of it. */
export function checkAttempts(log: ClientLog, facts: readonly PlacedFact[]): string[] {
  const problems: string[] = [];
  const byReference = groupBy(facts, ({ fact }) => fact.reference);
  const known = new Set(log.attempts.map(attempt => attempt.reference));
  for (const [reference, found] of byReference) {
    if (reference === undefined) {
      const strange = found.find(({ fact }) => fact.kind !== 'expire');
      if (strange !== undefined) problems.push(`nobody asked for ${at(strange)}`);
    } else if (!known.has(reference))
      problems.push(`nobody sent ${reference}, but ${at(found[0]!)} is its doing`);
    else if (found.length > 1) {
      problems.push(`${reference} took effect ${found.length} times: ${found.map(at).join(', ')}`);
    }
  }
  for (const attempt of log.attempts) {
    const problem = checkAttempt(attempt, byReference.get(attempt.reference)?.[0], facts);
    if (problem !== undefined) problems.push(`${describe(attempt)}: ${problem}`);
  }
  return problems;
}

function checkAttempt(
  { result, operation }: Attempt,
  own: PlacedFact | undefined,
  facts: readonly PlacedFact[],
): string | undefined {
  if (result === undefined) return 'was never answered';
  if (operation.mustFail && own !== undefined) return `must not take effect, but ${at(own)} is its doing`;
  if (result.status === 'failed') return checkFailure(result.code, operation, own);
  const { record, replayed } = result;
  if (operation.mustFail) return 'must fail, but was granted';
  if (replayed && operation.key === undefined) return 'is called a replay but has no key';
  if (!replayed && own === undefined) return `was answered with ${id(record.position)} but took no effect`;
  const stored = facts.find(({ position }) => samePosition(position, record.position));
  if (stored === undefined) return `was answered with ${id(record.position)}, which is not in the journal`;
  if (!isDeepStrictEqual(stored, record)) {
    return `was answered ${JSON.stringify(record)}, but the journal says ${JSON.stringify(stored)}`;
  }
  if (own !== undefined && !samePosition(own.position, record.position)) {
    return `was answered with ${id(record.position)}, but took effect at ${id(own.position)}`;
  }
  if (own === undefined && stored.fact.key !== operation.key) return `got the answer of another key`;
  return undefined;
}

function checkFailure(
  code: Parameters<typeof retryOf>[0],
  operation: Operation,
  own: PlacedFact | undefined,
): string | undefined {
  const retry = retryOf(code);
  if (retry !== 'same-key' && own !== undefined) return `was refused, but ${at(own)} is its doing`;
  const { mayBeRejectedWith: allowed } = operation;
  if (retry === 'never' && allowed !== 'anything' && !allowed.includes(code))
    return 'was refused for no reason';
  if (code === 'internal') return 'met an internal error';
  return undefined;
}

/** G5: a key has one fact at most, and one answer. */
function checkKeys(log: ClientLog, facts: readonly PlacedFact[]): string[] {
  const problems: string[] = [];
  for (const [key, found] of groupBy(facts, ({ fact }) => fact.key)) {
    if (key !== undefined && found.length > 1) {
      problems.push(`key ${key} took effect ${found.length} times: ${found.map(at).join(', ')}`);
    }
  }
  for (const operation of log.operations) {
    if (operation.key === undefined || operation.mustFail) continue;
    const answers = operation.attempts.flatMap(({ result }) =>
      result?.status === 'done' ? [result.record] : [],
    );
    const different = answers.find(answer => !isDeepStrictEqual(answer, answers[0]));
    if (different !== undefined) {
      problems.push(`key ${operation.key} got ${id(answers[0]!.position)} and ${id(different.position)}`);
    }
    if (operation.status === 'open')
      problems.push(`key ${operation.key} has no answer after all was well again`);
  }
  return problems;
}

/** G1: what clients have by their answers is theirs in the end, and nobody else's. */
function checkHoldings(clients: readonly WorkloadClient[], facts: readonly PlacedFact[]): string[] {
  const problems: string[] = [];
  const holders = holdersAfter(facts);
  for (const client of clients) {
    for (const [number, { allocation }] of client.held) {
      const holder = holders.get(number);
      if (holder === undefined)
        problems.push(`number ${number} of ${id(allocation)} was taken from its client`);
      else if (!samePosition(holder, allocation))
        problems.push(`number ${number} of ${id(allocation)} belongs to ${id(holder)}`);
    }
  }
  return problems;
}

/** Which allocation each issued number belongs to after these facts. */
export function holdersAfter(facts: readonly PlacedFact[]): Map<number, Position> {
  const holders = new Map<number, Position>();
  for (const { fact, position } of facts) {
    if ((fact.kind === 'issue' && fact.suppressed === undefined) || fact.kind === 'block') {
      for (const number of numbersOf(fact)) holders.set(number, position);
    } else if (fact.kind === 'confirm') {
      for (const number of numbersOf(fact)) holders.set(number, fact.reservation);
    } else if (fact.kind === 'release' || fact.kind === 'void') {
      holders.delete(fact.number);
    }
  }
  return holders;
}

/** Numbers of a fact that draws or returns several, in no particular order. */
export function numbersOf(fact: { fresh: NumberRange | null; reused: readonly NumberRange[] }): number[] {
  const ranges = fact.fresh === null ? fact.reused : [...fact.reused, fact.fresh];
  return ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

/** F8: a reservation ends once; whoever was told that it is gone was told so because it had ended. */
function checkReservations(log: ClientLog, facts: readonly PlacedFact[]): string[] {
  const problems: string[] = [];
  const ends = new Map<string, PlacedFact>();
  for (const placed of facts) {
    const { fact } = placed;
    if (fact.kind !== 'confirm' && fact.kind !== 'cancel' && fact.kind !== 'expire') continue;
    const earlier = ends.get(id(fact.reservation));
    if (earlier !== undefined)
      problems.push(`reservation ${id(fact.reservation)} ended twice: ${at(placed)}`);
    ends.set(id(fact.reservation), placed);
  }
  for (const attempt of log.attempts) {
    const { command } = attempt.operation;
    if (command.kind !== 'confirm' && command.kind !== 'cancel') continue;
    if (attempt.result?.status !== 'failed' || attempt.result.code !== 'reservation_not_found') continue;
    if (!ends.has(id(command.reservation)))
      problems.push(`${describe(attempt)}: the reservation had not ended`);
  }
  return problems;
}

/** Journal time never falls, and one fast clock does not carry it away. */
function checkTimes(cluster: SimCluster, facts: readonly PlacedFact[]): string[] {
  const problems: string[] = [];
  for (const [i, placed] of facts.entries()) {
    if (i > 0 && placed.time < facts[i - 1]!.time) problems.push(`journal time falls at ${at(placed)}`);
  }
  const last = facts.at(-1);
  const aheadMs = (last?.time ?? 0) - SIM_EPOCH_MS - cluster.time.nowMs;
  if (aheadMs > BATCH_AHEAD_MS_MAX) problems.push(`journal time is ${aheadMs} ms ahead at ${at(last!)}`);
  return problems;
}

/**
 * G3: all facts, in journal order, are what one sequential counter with a lowest-first pool would have done, and
 * respect real time. An attempt nobody answered may have taken effect any time after it was sent.
 */
function checkOrder(log: ClientLog, facts: readonly PlacedFact[], start: number): string[] {
  const began = new Map<string, number>();
  const answered = new Map<string, number>();
  for (const { reference, startedAtMs, endedAtMs, result } of log.attempts) {
    began.set(reference, startedAtMs);
    if (result?.status === 'done' && !result.replayed) answered.set(reference, endedAtMs!);
  }
  const observed = facts.flatMap(({ fact, position, revision }): ObservedOperation[] => {
    const reference = fact.reference ?? '';
    const times = {
      invokedAtMs: began.get(reference) ?? 0,
      returnedAtMs: answered.get(reference) ?? Number.POSITIVE_INFINITY,
    };
    const ended = (number: number): ObservedOperation => ({
      ...times,
      result: { kind: 'release', number, position, revision },
    });
    switch (fact.kind) {
      case 'issue':
      case 'block':
      case 'reserve': {
        const ranges = fact.reused.map(range => ({ ...range, reused: true }));
        if (fact.fresh !== null) ranges.push({ ...fact.fresh, reused: false });
        const suppressed = fact.kind === 'issue' && fact.suppressed !== undefined;
        return [{ ...times, result: { kind: 'draw', position, revision, ranges, suppressed } }];
      }
      case 'release':
      case 'void':
        return [ended(fact.number)];
      case 'cancel':
      case 'expire':
        return numbersOf(fact).map(ended);
      default:
        return [];
    }
  });
  return checkHistory(dropTies(observed), start).problems.map(problem => `history: ${problem}`);
}

/** A cancelled reservation returns all its numbers at one place; only its first can stand for it in real time. */
function dropTies(observed: readonly ObservedOperation[]): ObservedOperation[] {
  let last: Position | undefined;
  return observed.map(operation => {
    const position = operation.result?.position;
    const tied = last !== undefined && position !== undefined && samePosition(last, position);
    last = position;
    return tied ? { ...operation, invokedAtMs: 0, returnedAtMs: Number.POSITIVE_INFINITY } : operation;
  });
}

/** No engine stopped, and none has anything left to do. */
function checkEngines(cluster: SimCluster): string[] {
  return cluster.nodes.flatMap(({ info, sequencer, errors }) => [
    ...(sequencer.fatal === undefined ? [] : [`${info.id} serves no more: ${sequencer.fatal.message}`]),
    ...(sequencer.load === 0 ? [] : [`${info.id} still has ${sequencer.load} requests`]),
    ...errors.map(error => `${info.id} logged: ${error}`),
  ]);
}

function describe({ reference, operation, node, startedAtMs, result }: Attempt): string {
  const { command, key } = operation;
  const outcome = result === undefined ? 'no answer' : result.status === 'done' ? 'done' : result.code;
  const keyed = key === undefined ? '' : ` with key ${key}`;
  return `${reference} (${command.kind}${keyed} on ${node} at ${Math.round(startedAtMs)} ms: ${outcome})`;
}

function at({ fact, position }: PlacedFact): string {
  return `${fact.kind} ${id(position)}`;
}

function id(position: Position): string {
  return formatAllocationId(position);
}

function groupBy<K, V>(values: readonly V[], keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}
