import type { SeriesId } from '../core/identifiers.ts';
import type { Clock } from '../ports/clock.ts';

/** A slot held longer than this counts no more: what etcd does not answer must not keep others from asking it. */
const OVERDUE_MS = 1_000;

/** The right to have one commit under way. */
export interface CommitSlot {
  /** Gives it back. Idempotent. */
  release(): void;
}

/** One series' place among those that want to commit. */
export interface SlotClaim {
  /**
   * A slot, unless all are taken or others are waiting for their turn. Then the series is in line, once, and `onTurn` is
   * called when its turn has come: it may take a slot then and there, or let its turn pass.
   */
  tryTake(): CommitSlot | undefined;
  /** Leaves the line for good. Slots that are held must still be released. */
  close(): void;
}

interface Claim {
  readonly series: SeriesId;
  readonly onTurn: () => void;
  waiting: boolean;
}

class Slot implements CommitSlot {
  readonly takenAtMs: number;
  private readonly owner: CommitSlots;

  constructor(owner: CommitSlots, takenAtMs: number) {
    this.owner = owner;
    this.takenAtMs = takenAtMs;
  }

  release(): void {
    this.owner.release(this);
  }
}

/**
 * Bounds the commits that a node has under way, over all its series. When there are more who want to commit than slots,
 * tenants take turns, and within a tenant its series do: one with a hundred busy series gets no more turns than one with a
 * single one.
 *
 * A commit whose outcome is unresolved for a second no longer counts, or a few stuck series would stop all others; but as
 * many slots again is all that is given out on that account, so that a store which answers nobody is not flooded either.
 */
export class CommitSlots {
  private readonly slotsMax: number;
  private readonly clock: Clock;
  /** Held, oldest first. */
  private readonly held = new Set<Slot>();
  /** Held for so long that they do not count, oldest first. */
  private readonly overdue = new Set<Slot>();
  /** Who waits, by tenant, in the order in which tenants come to turn; of each, in the order in which series do. */
  private readonly line = new Map<string, Claim[]>();
  /** Whose turn it is, while it is being asked. */
  private asked: Claim | undefined;
  private claims = 0;
  /** Who took a slot in this turn of the event loop, when there are others. */
  private lastTaker: Claim | undefined;
  private granting = false;
  private timer: NodeJS.Timeout | undefined;

  /** @param slotsMax commits under way at once; at least 1 */
  constructor(slotsMax: number, clock: Clock) {
    this.slotsMax = slotsMax;
    this.clock = clock;
  }

  /** Commits under way, stuck ones too. */
  get underWay(): number {
    return this.held.size + this.overdue.size;
  }

  /** Series that wait for a slot. */
  get waiting(): number {
    let count = 0;
    for (const claims of this.line.values()) count += claims.length;
    return count;
  }

  /** A series' claim. `onTurn` is called from the event loop, never from within another call. */
  claimFor(series: SeriesId, onTurn: () => void): SlotClaim {
    const claim: Claim = { series, onTurn, waiting: false };
    let open = true;
    this.claims += 1;
    const close = (): void => {
      if (!open) return;
      open = false;
      this.claims -= 1;
      this.leaveLine(claim);
    };
    return { tryTake: () => this.tryTake(claim), close };
  }

  /** Gives a slot back. */
  release(slot: Slot): void {
    if (!this.held.delete(slot) && !this.overdue.delete(slot)) return;
    this.grantSoon();
  }

  private tryTake(claim: Claim): CommitSlot | undefined {
    const mayTake = this.asked === claim || this.line.size === 0;
    if (!mayTake || !this.isFree() || this.hasTurned(claim)) {
      this.joinLine(claim);
      return undefined;
    }
    // One turn, one slot: for another it has to wait again, if anybody waits.
    this.asked = undefined;
    const slot = new Slot(this, this.clock.monotonicMs());
    this.held.add(slot);
    return slot;
  }

  /**
   * Whether another series has taken a slot in this turn of the event loop: who takes one plans a whole batch at once, and
   * the plans of many series would add up to a long turn.
   */
  private hasTurned(claim: Claim): boolean {
    if (this.claims < 2) return false;
    if (this.lastTaker === undefined) {
      this.lastTaker = claim;
      setImmediate(() => (this.lastTaker = undefined));
    }
    if (this.lastTaker === claim) return false;
    this.grantLater();
    return true;
  }

  private isFree(): boolean {
    if (this.held.size < this.slotsMax) return true;
    const [oldest] = this.held;
    if (oldest === undefined || this.clock.monotonicMs() - oldest.takenAtMs < OVERDUE_MS) return false;
    if (this.overdue.size >= this.slotsMax) return false;
    this.held.delete(oldest);
    this.overdue.add(oldest);
    return true;
  }

  private joinLine(claim: Claim): void {
    if (claim.waiting) return;
    claim.waiting = true;
    const { tenant } = claim.series;
    const claims = this.line.get(tenant);
    if (claims === undefined) this.line.set(tenant, [claim]);
    else claims.push(claim);
    this.watchOldest();
  }

  private leaveLine(claim: Claim): void {
    if (claim.waiting) {
      claim.waiting = false;
      const { tenant } = claim.series;
      const others = this.line.get(tenant)!.filter(other => other !== claim);
      // The tenant keeps its place.
      if (others.length > 0) this.line.set(tenant, others);
      else this.line.delete(tenant);
    }
    if (this.line.size === 0) this.stopWatching();
  }

  /** One series at a time, each in a turn of the event loop of its own. */
  private grantSoon(): void {
    if (this.line.size > 0) this.grantLater();
  }

  private grantLater(): void {
    if (this.granting) return;
    this.granting = true;
    setImmediate(() => {
      this.granting = false;
      this.grantNext();
      if (this.line.size > 0 && this.isFree()) this.grantSoon();
      else this.watchOldest();
    });
  }

  private grantNext(): void {
    const [first] = this.line;
    if (first === undefined || !this.isFree()) return;
    const [tenant, [claim, ...others]] = first;
    // Deleted and set again, the tenant goes behind all others.
    this.line.delete(tenant);
    if (others.length > 0) this.line.set(tenant, others);
    claim!.waiting = false;
    this.asked = claim;
    try {
      claim!.onTurn();
    } finally {
      this.asked = undefined;
    }
  }

  /** While somebody waits, looks when the oldest slot comes to count no more. */
  private watchOldest(): void {
    if (this.line.size === 0) return this.stopWatching();
    // With as many stuck as may be, only a release helps, and that is heard of.
    if (this.timer !== undefined || this.overdue.size >= this.slotsMax) return;
    const [oldest] = this.held;
    const dueMs = (oldest?.takenAtMs ?? this.clock.monotonicMs()) + OVERDUE_MS;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        if (this.isFree()) this.grantSoon();
        else this.watchOldest();
      },
      Math.max(1, dueMs - this.clock.monotonicMs()),
    );
  }

  private stopWatching(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
