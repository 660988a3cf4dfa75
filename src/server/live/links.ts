import type { Clock } from '../../ports/clock.ts';
import type { NodeInfo } from '../../ports/coordination.ts';
import type { Logger } from '../../ports/logger.ts';
import { parseHttpUrl } from '../http-url.ts';
import { STEP_MS } from './cluster-samples.ts';
import { HEARD_MS, moveHistory } from './history.ts';
import { Link } from './link.ts';
import { type HistoryReport, type NodeReport, PACE } from './link-protocol.ts';
import type { NodeSample } from './node-sampler.ts';
import type { NodeStatus } from './node-status.ts';
import type { KnownNode } from './roster.ts';

/** What other nodes tell, in this node's time. */
export interface LinksEvents {
  reported(report: NodeReport): void;
  history(report: HistoryReport): void;
}

/** Reports that may be missed or late before a node counts as silent. */
const SILENT_MS = { fast: 1_000, slow: 2_500 } as const;
/** Ours, between two steps; less is no reason to doubt what we hear. */
const STANDSTILL_MS = 500;
/** A clock that differs by less is taken for ours. */
const CLOCK_TOLERANCE_MS = STEP_MS;
/** The same for the past, in which nobody sees less, and of which one message tells, however long that was on its way. */
const HISTORY_TOLERANCE_MS = 1_000;
/** Clocks drift, and stand still with a machine that is paused; so only reports of the last one or two such times count. */
const CLOCK_MS = 10_000;

interface Peer {
  readonly info: NodeInfo;
  readonly link: Link;
  status: NodeStatus | undefined;
  /**
   * How far our clock is ahead of theirs, as the quickest report has shown, of this stretch of {@link CLOCK_MS} and of the one before; at most
   * the way's time too much.
   */
  clockAheadMs: { sinceMs: number; now: number; before: number };
  /** End of its last sample, by our clock. */
  reportedThrough: number;
  /** When it is asked for the past once more: what happened just before we heard it was still on the way to it. */
  askAgainMs: number;
}

/** Listens to all other nodes. */
export class Links {
  private readonly deps: {
    readonly self: NodeInfo;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly events: LinksEvents;
  };
  private readonly peers = new Map<string, Peer>();
  private fast = false;
  private paceChangedMs = Number.NEGATIVE_INFINITY;
  private syncedMs = Number.POSITIVE_INFINITY;
  /** The end of the last standstill. */
  private awakeMs = Number.NEGATIVE_INFINITY;
  private wantsHistory = true;

  constructor(deps: Links['deps']) {
    this.deps = deps;
  }

  /** Links to these nodes, and no others. To be called at each step. */
  sync(nodes: readonly NodeInfo[], nowMs: number): void {
    // When this process has stood still, its timers ring before it reads what has arrived meanwhile.
    if (nowMs - this.syncedMs > STANDSTILL_MS) this.awakeMs = nowMs;
    this.syncedMs = nowMs;
    const wanted = new Set<string>();
    for (const info of nodes) {
      if (info.instance === this.deps.self.instance || parseHttpUrl(info.url) === undefined) continue;
      wanted.add(info.instance);
      if (!this.peers.has(info.instance)) this.open(info);
    }
    for (const [instance, { link }] of this.peers) {
      if (wanted.has(instance)) continue;
      link.close();
      this.peers.delete(instance);
    }
    for (const peer of this.peers.values()) {
      peer.link.watch(nowMs, this.awakeMs);
      if (nowMs < peer.askAgainMs) continue;
      peer.askAgainMs = Number.POSITIVE_INFINITY;
      peer.link.send({ type: 'history' });
    }
  }

  /** Whether reports are wanted often: somebody watches. */
  setFast(fast: boolean): void {
    if (fast === this.fast) return;
    this.fast = fast;
    this.paceChangedMs = performance.now();
    for (const { link } of this.peers.values()) this.sendPace(link);
  }

  /** No history is asked for any more. */
  stopAsking(): void {
    this.wantsHistory = false;
  }

  /** The others as they were last heard of. */
  known(nowMs: number): KnownNode[] {
    return [...this.peers.values()].map(({ info, status, link }) => ({
      info,
      status,
      fresh: this.isFresh(link, nowMs),
    }));
  }

  /** Up to when all who can be heard have told what they did, by our clock; infinite without others. */
  reportedThrough(nowMs: number): number {
    const heard = [...this.peers.values()].filter(({ link }) => link.isOpen && this.isFresh(link, nowMs));
    return Math.min(...heard.map(({ reportedThrough }) => reportedThrough));
  }

  close(): void {
    for (const { link } of this.peers.values()) link.close();
    this.peers.clear();
  }

  private isFresh(link: Link, nowMs: number): boolean {
    // After a change of pace the first report is still on its way.
    const slow = !this.fast || nowMs - this.paceChangedMs < SILENT_MS.slow;
    const silentMs = link.isOpen
      ? Math.min(link.silentMs(nowMs), nowMs - this.awakeMs)
      : link.silentMs(nowMs);
    return silentMs < (link.isOpen ? (slow ? SILENT_MS.slow : SILENT_MS.fast) : SILENT_MS.fast / 2);
  }

  private open(info: NodeInfo): void {
    const link = new Link(
      info,
      {
        opened: () => {
          peer.clockAheadMs = unknownClock();
          this.sendPace(link);
          if (!this.wantsHistory) return;
          link.send({ type: 'history' });
          peer.askAgainMs = performance.now() + HEARD_MS;
        },
        received: message => {
          if (message.type === 'history') this.deps.events.history(this.inOurTime(message));
          else this.take(peer, message);
        },
      },
      this.deps.logger,
    );
    const peer: Peer = {
      info,
      link,
      status: undefined,
      clockAheadMs: unknownClock(),
      reportedThrough: 0,
      askAgainMs: Number.POSITIVE_INFINITY,
    };
    this.peers.set(info.instance, peer);
  }

  private take(peer: Peer, report: NodeReport): void {
    const { clock } = this.deps;
    const ahead = peer.clockAheadMs;
    if (clock.monotonicMs() - ahead.sinceMs > CLOCK_MS)
      peer.clockAheadMs = { ...unknownClock(), sinceMs: clock.monotonicMs(), before: ahead.now };
    peer.clockAheadMs.now = Math.min(peer.clockAheadMs.now, clock.now() - report.at);
    const quickest = Math.min(peer.clockAheadMs.now, peer.clockAheadMs.before);
    const aheadMs = Math.abs(quickest) <= CLOCK_TOLERANCE_MS ? 0 : quickest;
    const samples = report.samples.map((sample): NodeSample => ({ ...sample, t: sample.t + aheadMs }));
    peer.status = report.status;
    peer.reportedThrough = samples.at(-1)?.t ?? peer.reportedThrough;
    this.deps.events.reported({ ...report, samples });
  }

  private inOurTime(report: HistoryReport): HistoryReport {
    const aheadMs = this.deps.clock.now() - report.at;
    if (Math.abs(aheadMs) <= HISTORY_TOLERANCE_MS) return report;
    return {
      ...report,
      history: moveHistory(report.history, aheadMs),
      // Facts have the time of their batch, whoever tells of them.
      events: report.events.map(event =>
        event.category === 'number' ? event : { ...event, at: event.at + aheadMs },
      ),
    };
  }

  private sendPace(link: Link): void {
    link.send({ type: 'pace', everyMs: this.fast ? PACE.fastMs : PACE.slowMs });
  }
}

function unknownClock(): Peer['clockAheadMs'] {
  return {
    sinceMs: Number.NEGATIVE_INFINITY,
    now: Number.POSITIVE_INFINITY,
    before: Number.POSITIVE_INFINITY,
  };
}
