import { MemoryLedger } from '../../../src/ledger/memory-ledger.ts';
import { Projector } from '../../../src/ledger/projection/projector.ts';
import { SeqdError } from '../../../src/core/errors.ts';
import { GLOBAL_SERIES, type SeriesId } from '../../../src/core/identifiers.ts';
import { decodeLedgerRecord, type LedgerRecord } from '../../../src/core/ledger-record.ts';
import { type JournalEntry, KEYS } from '../../../src/core/records.ts';
import { projectorElection } from '../../../src/ports/coordination.ts';
import type {
  AppendOptions,
  AppendOutcome,
  DrawFinder,
  Ledger,
  LedgerPosition,
} from '../../../src/ports/ledger.ts';
import type { LedgerOptions } from '../../../src/sequencer/options.ts';
import { digest } from '../series-world.ts';
import type { SimCluster, SimNode } from './sim-cluster.ts';

/** The election that {@link SimLedger}'s projectors compete in. */
export const PROJECTOR = projectorElection(GLOBAL_SERIES);

/** What engines are told of a ledger, with no bound that a scenario reaches. */
export const LEDGER: LedgerOptions = { configured: true, bytesMax: 1e9, batchesMax: 1e6 };

/** A node's way to the ledger: what goes wrong goes wrong there. */
export class LedgerPath implements Ledger, DrawFinder {
  /** Nothing gets through. */
  cutOff = false;
  /** How long a call takes before it gets there. */
  delayMs = 0;
  /** Each append arrives twice. */
  doubled = false;
  /** The next append is carried out, but its answer is lost. */
  losesAnswer = false;
  /** An append of more batches than these takes too long. */
  batchesInTime = Number.POSITIVE_INFINITY;
  /** Appends that took too long. */
  tooLong = 0;
  /** Batches in the largest append. */
  largest = 0;
  calls = 0;
  private readonly ledger: MemoryLedger;
  private readonly cluster: SimCluster;

  constructor(ledger: MemoryLedger, cluster: SimCluster) {
    this.ledger = ledger;
    this.cluster = cluster;
  }

  async position(series: SeriesId): Promise<LedgerPosition> {
    await this.travel();
    return this.ledger.position(series);
  }

  async append(
    series: SeriesId,
    entries: readonly JournalEntry[],
    epoch: number,
    options?: AppendOptions,
  ): Promise<AppendOutcome> {
    this.largest = Math.max(this.largest, entries.length);
    await this.travel();
    if (entries.length > this.batchesInTime) {
      this.tooLong += 1;
      throw new SeqdError('ledger_unavailable', 'it took too long', { details: { tooLong: true } });
    }
    const outcome = await this.ledger.append(series, entries, epoch, options);
    if (this.doubled) await this.ledger.append(series, entries, epoch, options);
    if (!this.losesAnswer) return outcome;
    this.losesAnswer = false;
    throw new SeqdError('ledger_unavailable', 'the answer was lost');
  }

  findDraw: DrawFinder['findDraw'] = (series, number) => this.ledger.findDraw(series, number);

  async close(): Promise<void> {}

  private async travel(): Promise<void> {
    this.calls += 1;
    await this.cluster.time.sleep(this.delayMs);
    if (this.cutOff) throw new SeqdError('ledger_unavailable');
  }
}

/** The ledger of a simulated cluster, with a projector on each of its nodes. */
export class SimLedger {
  readonly ledger = new MemoryLedger(digest);
  readonly projectors: Projector[] = [];
  readonly paths: LedgerPath[] = [];
  /** What projectors said in their logs, by level. */
  readonly logged: { level: 'warn' | 'error' | 'info'; message: string }[] = [];
  private readonly cluster: SimCluster;
  private readonly nodes: SimNode[] = [];

  constructor(cluster: SimCluster) {
    this.cluster = cluster;
    for (const [index, node] of cluster.nodes.entries()) this.projectors.push(this.create(node, index));
  }

  /** Starts a projector on every node. */
  start(): void {
    for (const projector of this.projectors) projector.start();
  }

  /** Replaces the projectors of nodes that have been replaced. */
  follow(): void {
    for (const [index, node] of this.cluster.nodes.entries()) {
      if (this.nodes[index] === node) continue;
      this.projectors[index]!.close();
      const holder = this.cluster.election.others.get('default/global/all/projector/all');
      if (holder?.instance === this.nodes[index]!.info.instance) this.cluster.election.vacate(PROJECTOR);
      this.projectors[index] = this.create(node, index);
      this.projectors[index].start();
    }
  }

  /** Which node writes to the ledger; −1 when none does. */
  get projecting(): number {
    const holder = this.cluster.election.others.get('default/global/all/projector/all');
    return this.cluster.nodes.findIndex(({ info }) => info.instance === holder?.instance);
  }

  /** What is published in the store; `null` when nothing is. */
  async published(): Promise<LedgerRecord | null> {
    const { record } = await this.cluster.store.read(GLOBAL_SERIES, KEYS.ledger);
    return record === null ? null : decodeLedgerRecord(record.value);
  }

  /** The journal and the ledger as they stand, as texts. */
  async both(): Promise<{ journal: string[]; ledger: string[] }> {
    const range = { series: GLOBAL_SERIES, from: KEYS.journal, to: `${KEYS.journal}~` };
    const { records } = await this.cluster.store.range(range);
    return { journal: records.map(({ value }) => value), ledger: this.ledger.texts(GLOBAL_SERIES) };
  }

  /** A node's lease ends: whatever it was elected to do is vacant. */
  loseLease(index: number): void {
    if (this.projecting === index) this.cluster.election.vacate(PROJECTOR);
    for (const node of this.cluster.nodes) node.coordination.lookNow();
  }

  close(): void {
    for (const projector of this.projectors) projector.close();
  }

  private create(node: SimNode, index: number): Projector {
    const path = new LedgerPath(this.ledger, this.cluster);
    this.paths[index] = path;
    this.nodes[index] = node;
    const log =
      (level: 'warn' | 'error' | 'info') =>
      (_fields: object, message: string): void => {
        this.logged.push({ level, message });
      };
    return new Projector(GLOBAL_SERIES, {
      store: node.store,
      coordination: node.coordination,
      ledger: path,
      clock: node.deps.clock,
      logger: { debug() {}, info: log('info'), warn: log('warn'), error: log('error') },
      random: node.deps.random,
      head: () => node.sequencer.lastKnown?.head,
    });
  }
}
