import type { Owner, Position } from '../../../src/core/identifiers.ts';
import { allocationReply } from '../../../src/core/replies.ts';
import type { JournalRecord } from '../../../src/core/facts.ts';
import type { Random } from './random.ts';
import { type AttemptResult, type ClientLog, type Operation, retryOf } from './sim-client.ts';
import type { SimCluster } from './sim-cluster.ts';

/** A number a client has, by the answers it got. */
export interface Holding {
  readonly allocation: Position;
  readonly reused: boolean;
}

/** Attempts before a client leaves an operation for later. */
const ATTEMPTS_MAX = 8;
const ATTEMPTS_AFTER_HEALING_MAX = 30;

/**
 * A client that issues, suppresses, releases, reserves, confirms and cancels, with and without idempotency keys,
 * on whichever node; that retries, hedges, repeats what already succeeded, and sometimes asks for what it must
 * not get. It keeps count of what it has according to the answers it got.
 */
export class WorkloadClient {
  readonly held = new Map<number, Holding>();
  /** Numbers that it can no longer say it has or has not: a release without a key was never answered. */
  readonly doubtful = new Map<number, Holding>();
  private readonly returned: { number: number; holding: Holding }[] = [];
  /** Operations to be finished once the cluster is well. */
  private readonly unfinished: { operation: Operation; after: (record: JournalRecord) => void }[] = [];
  private readonly owner: Owner;
  private readonly cluster: SimCluster;
  private readonly log: ClientLog;
  private readonly random: Random;
  private readonly name: string;
  private keys = 0;

  constructor(name: string, site: string, cluster: SimCluster, log: ClientLog, random: Random) {
    this.name = name;
    this.owner = { site, partition: 'a', type: 'invoice' };
    this.cluster = cluster;
    this.log = log;
    this.random = random;
  }

  /** Works through `operations` steps with pauses of up to `thinkMs` between them. */
  async work(operations: number, thinkMs: number): Promise<void> {
    const { random } = this;
    for (let i = 0; i < operations; i += 1) {
      await this.cluster.time.sleep(random.next() * thinkMs);
      const dice = random.next();
      if (dice < 0.45) await this.issue();
      else if (dice < 0.55) await this.suppress();
      else if (dice < 0.8) await this.release();
      else if (dice < 0.92) await this.reserve();
      else await this.misbehave();
    }
  }

  /** Retries what was left over until the answer is known. Call when nothing fails any more. */
  async finish(): Promise<void> {
    for (const { operation, after } of this.unfinished) {
      for (let i = 0; operation.status === 'open' && i < ATTEMPTS_AFTER_HEALING_MAX; i += 1) {
        const result = await this.log.attempt(this.cluster, operation, this.random.int(0, 2));
        this.learn(operation, result);
        if (result.status === 'done') after(result.record);
        await this.cluster.time.sleep(100);
      }
    }
  }

  private async issue(): Promise<void> {
    const command = { kind: 'issue' as const, owner: this.owner, count: this.random.int(1, 5) };
    await this.perform(this.draw(command), record => this.take(record));
  }

  private async suppress(): Promise<void> {
    const command = {
      kind: 'issue' as const,
      owner: this.owner,
      count: this.random.int(1, 2),
      suppress: 'test',
    };
    await this.perform(this.draw(command), () => {});
  }

  private async release(): Promise<void> {
    const { random, held } = this;
    if (held.size === 0) return this.issue();
    const number = random.pick([...held.keys()]);
    const holding = held.get(number)!;
    held.delete(number);
    const named = random.chance(0.6);
    const operation = this.log.operation(this.releaseOf(number, named ? holding.allocation : undefined), {
      key: this.maybeKey(),
      mayBeRejectedWith: !named && holding.reused ? ['allocation_id_required'] : [],
    });
    await this.perform(operation, () => this.returned.push({ number, holding }));
    if (operation.status === 'rejected' || operation.status === 'gave-up') held.set(number, holding);
    if (operation.status === 'unknown') this.doubtful.set(number, holding);
  }

  private async reserve(): Promise<void> {
    const { random } = this;
    const holdMs = random.int(200, 2_500);
    const command = { kind: 'reserve' as const, owner: this.owner, count: random.int(1, 3), holdMs };
    const reserved = await this.perform(this.draw(command), () => {});
    if (reserved === undefined || random.chance(0.15)) return;
    await this.cluster.time.sleep(random.next() * holdMs * 1.1);
    const kind = random.chance(0.75) ? ('confirm' as const) : ('cancel' as const);
    const { site, partition } = this.owner;
    const end = this.log.operation(
      { kind, reservation: reserved.position, site, partition },
      // Whether it had really expired is seen in the journal, by the checks.
      { key: this.maybeKey(), mayBeRejectedWith: ['reservation_not_found'] },
    );
    await this.perform(end, record => {
      if (kind === 'confirm') this.take(record);
    });
  }

  /** Releases again what it has released, in every wrong way; or tries what it is in doubt about. */
  private async misbehave(): Promise<void> {
    const { random, returned, doubtful } = this;
    if (doubtful.size > 0 && random.chance(0.5)) {
      const [number, holding] = random.pick([...doubtful]);
      const operation = this.log.operation(this.releaseOf(number, holding.allocation), {
        mayBeRejectedWith: 'anything',
      });
      await this.perform(operation, () => doubtful.delete(number));
      return;
    }
    if (returned.length === 0) return;
    const { number, holding } = random.pick(returned);
    const command = this.releaseOf(number, random.chance(0.6) ? holding.allocation : undefined);
    await this.perform(
      this.log.operation(command, { mayBeRejectedWith: 'anything', mustFail: true }),
      () => {},
    );
  }

  /** Tries an operation until its fate is known, or leaves it for later. Returns its record once it is done. */
  private async perform(
    operation: Operation,
    after: (record: JournalRecord) => void,
  ): Promise<JournalRecord | undefined> {
    const { random, log, cluster } = this;
    let record: JournalRecord | undefined;
    for (let i = 0; operation.status === 'open'; i += 1) {
      if (i === ATTEMPTS_MAX) {
        this.unfinished.push({ operation, after });
        return undefined;
      }
      const hedged = operation.key !== undefined && random.chance(0.08);
      const nodes = hedged ? [0, 1, 2] : [random.int(0, 2)];
      const results = await Promise.all(nodes.map(node => log.attempt(cluster, operation, node)));
      const result = results.find(({ status }) => status === 'done') ?? results[0]!;
      this.learn(operation, result);
      if (result.status === 'done') record = result.record;
      else if (operation.status === 'open') await cluster.time.sleep(random.next() * 150);
    }
    if (record === undefined) return undefined;
    after(record);
    if (operation.key !== undefined) await this.repeat(operation);
    return record;
  }

  /** Sometimes sends again what has succeeded, unchanged or with another payload under the same key. */
  private async repeat(operation: Operation): Promise<void> {
    const { random } = this;
    if (random.chance(0.15)) {
      await this.cluster.time.sleep(random.next() * 200);
      await this.log.attempt(this.cluster, operation, random.int(0, 2));
    }
    if (random.chance(0.05)) {
      const other = this.log.operation(operation.command, {
        key: operation.key,
        fingerprint: `${operation.fingerprint} changed`,
        mayBeRejectedWith: ['idempotency_key_reused'],
        mustFail: true,
      });
      this.learn(other, await this.log.attempt(this.cluster, other, random.int(0, 2)));
    }
  }

  private learn(operation: Operation, result: AttemptResult): void {
    if (result.status === 'done') {
      operation.status = 'done';
      return;
    }
    const retry = retryOf(result.code);
    if (retry === 'never') operation.status = 'rejected';
    else if (operation.key === undefined && retry === 'same-key') operation.status = 'unknown';
    else if (operation.key === undefined && this.random.chance(0.5)) operation.status = 'gave-up';
  }

  /** A series with a maximum may have nothing left. */
  private draw(command: Operation['command']): Operation {
    const limited = this.cluster.options.settings?.maximum !== undefined;
    return this.log.operation(command, {
      key: this.maybeKey(),
      mayBeRejectedWith: limited ? ['exhausted'] : [],
    });
  }

  private take(record: JournalRecord): void {
    const { numbers } = allocationReply(record);
    const { fact, position } = record;
    const allocation = fact.kind === 'confirm' ? fact.reservation : position;
    for (const { first, last, reused } of numbers) {
      for (let number = first; number <= last; number += 1) this.held.set(number, { allocation, reused });
    }
  }

  private releaseOf(number: number, allocation: Position | undefined): Operation['command'] {
    const { site, partition } = this.owner;
    const named = allocation === undefined ? {} : { allocation };
    return { kind: 'release', number, site, partition, reason: 'test', ...named };
  }

  private maybeKey(): string | undefined {
    if (!this.random.chance(0.6)) return undefined;
    this.keys += 1;
    return `${this.name}-${this.keys}`;
  }
}
