import { ERROR_CODES, type ErrorCode, SeqdError } from '../../../src/core/errors.ts';
import type { JournalRecord } from '../../../src/core/facts.ts';
import type { Owner, Position } from '../../../src/core/identifiers.ts';
import type { Command, Request } from '../../../src/core/requests.ts';
import { numbersOf } from './checks.ts';
import { NO_STORE_FAULTS } from './faulty-store.ts';
import { type PlacedFact, SimCluster, type SimNode, type SimOptions } from './sim-cluster.ts';
import { VirtualTime } from './virtual-time.ts';

/** What a request came to, and when. */
export interface Answered {
  /** `done`, or the error's code. */
  readonly status: 'done' | ErrorCode;
  /** The numbers drawn or returned, ascending. */
  readonly numbers: readonly number[];
  readonly position: Position | undefined;
  readonly replayed: boolean;
  readonly tookMs: number;
}

/** A request's options besides its command. */
export interface SendOptions {
  readonly key?: string;
  /** Stands in the fact, so that the journal shows what took effect. */
  readonly reference?: string;
  readonly fingerprint?: string;
  readonly budgetMs?: number;
}

/**
 * Plays a scenario on three fresh nodes of which the first leads. Afterwards everything is made well and the
 * series must be complete and every engine idle and sound.
 *
 * @throws Error naming what is wrong at the end
 */
export function play(options: SimOptions, scene: (cluster: SimCluster) => Promise<void>): Promise<void> {
  const time = new VirtualTime();
  return time.run(async () => {
    const cluster = new SimCluster(time, options);
    await cluster.start();
    await scene(cluster);
    makeWell(cluster);
    await time.sleep(10_000);
    const report = await cluster.verify();
    const problems = [...(report?.problems ?? [])];
    if (report !== null && !report.complete) problems.push('the series is not complete');
    for (const { info, sequencer } of cluster.nodes) {
      if (sequencer.fatal !== undefined)
        problems.push(`${info.id} serves no more: ${sequencer.fatal.message}`);
      if (sequencer.load > 0) problems.push(`${info.id} still has ${sequencer.load} requests`);
    }
    cluster.close();
    await time.sleep(1_000);
    if (time.pending > 0) problems.push(`${time.pending} timers are left after closing`);
    if (problems.length > 0) throw new Error(`after the scenario: ${problems.join('; ')}`);
  });
}

/** Ends every fault. */
export function makeWell(cluster: SimCluster): void {
  cluster.network.faults = () => ({ kind: 'none' });
  cluster.election.closed = false;
  for (const node of cluster.nodes) {
    node.store.cutOff = false;
    node.store.faults = NO_STORE_FAULTS;
    node.coordination.frozen = false;
    node.coordination.lookNow();
  }
}

/** The owner that every scenario's requests at a site are for. */
export function ownerAt(site: string): Owner {
  return { site, partition: 'a', type: 'invoice' };
}

/** Sends a request to a node. Never rejects. */
export async function send(
  cluster: SimCluster,
  node: SimNode,
  command: Command,
  options: SendOptions = {},
): Promise<Answered> {
  const { key, reference, budgetMs } = options;
  const fingerprint = options.fingerprint ?? JSON.stringify(command);
  const request: Request = {
    command,
    origin: {
      ...(reference === undefined ? {} : { reference }),
      ...(key === undefined ? {} : { key, fingerprint }),
    },
  };
  const startedAtMs = cluster.time.nowMs;
  try {
    const { record, replayed } = await node.sequencer.submit(request, budgetMs);
    const tookMs = cluster.time.nowMs - startedAtMs;
    return { status: 'done', numbers: numbersIn(record), position: record.position, replayed, tookMs };
  } catch (error) {
    if (!(error instanceof SeqdError) || !(error.code in ERROR_CODES)) throw error;
    const tookMs = cluster.time.nowMs - startedAtMs;
    return { status: error.code, numbers: [], position: undefined, replayed: false, tookMs };
  }
}

/** Issues `count` numbers for the first site. */
export function issue(
  cluster: SimCluster,
  node: SimNode,
  options: SendOptions & { count?: number } = {},
): Promise<Answered> {
  const command: Command = { kind: 'issue', owner: ownerAt('north'), count: options.count ?? 1 };
  return send(cluster, node, command, options);
}

/** Releases a number of the first site. */
export function release(
  cluster: SimCluster,
  node: SimNode,
  number: number,
  options: SendOptions & { allocation?: Position | undefined } = {},
): Promise<Answered> {
  const { allocation } = options;
  const named = allocation === undefined ? {} : { allocation };
  const command: Command = {
    kind: 'release',
    number,
    site: 'north',
    partition: 'a',
    reason: 'test',
    ...named,
  };
  return send(cluster, node, command, options);
}

/** The node commits itself from now on: it knows of no leader and cannot become one. */
export function makeLoner(node: SimNode): void {
  node.coordination.view = undefined;
  node.coordination.frozen = true;
}

/** Facts that carry this reference. */
export async function effectsOf(cluster: SimCluster, reference: string): Promise<PlacedFact[]> {
  return (await cluster.facts()).filter(({ fact }) => fact.reference === reference);
}

function numbersIn({ fact }: JournalRecord): number[] {
  if (fact.kind === 'raise' || fact.kind === 'adopt' || fact.kind === 'retire') return [];
  if (fact.kind === 'release' || fact.kind === 'void') return [fact.number];
  return numbersOf(fact).sort((a, b) => a - b);
}
