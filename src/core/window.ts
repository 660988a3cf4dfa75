import type { JournalRecord } from './facts.ts';

/** How long, and how many, requests are remembered for retries. */
export interface WindowLimits {
  /** Age in milliseconds of journal time past which an idempotency key is forgotten. */
  readonly keyAgeMsMax: number;
  /** Idempotency keys remembered at most; the oldest go first. */
  readonly keysMax: number;
  /** The same for ingress ids of forwarded requests, which live only as long as one request may. */
  readonly ingressAgeMsMax: number;
  readonly ingressMax: number;
}

/** The published idempotency window: 24 hours or 100,000 keys, whichever is less. */
export const DEFAULT_WINDOW: WindowLimits = {
  keyAgeMsMax: 24 * 3_600_000,
  keysMax: 100_000,
  ingressAgeMsMax: 15_000,
  ingressMax: 200_000,
};

/**
 * The memory that makes retries exact: requests by idempotency key and forwarded requests by ingress id.
 * Filled from journal records in order, forgets from the oldest end. Time is journal time only.
 */
export class RetryWindow {
  /** Ingress ids committed after this sequence are all remembered. */
  ingressFloor = 0;
  private readonly limits: WindowLimits;
  private readonly keys = new Map<string, JournalRecord>();
  private readonly ingress = new Map<string, JournalRecord>();

  constructor(limits: WindowLimits) {
    this.limits = limits;
  }

  /** How many idempotency keys are remembered. */
  get size(): number {
    return this.keys.size;
  }

  /** Journal time of the oldest remembered key; `undefined` when there is none. */
  get oldestTime(): number | undefined {
    return firstValue(this.keys)?.time;
  }

  byKey(key: string): JournalRecord | undefined {
    return this.keys.get(key);
  }

  byIngress(ingress: string, number: number): JournalRecord | undefined {
    return this.ingress.get(ingressId(ingress, number));
  }

  /** Adds a record; records must come in journal order. */
  remember(record: JournalRecord): void {
    const { key, ingress, ingressNumber } = record.fact;
    if (key !== undefined) {
      // A key may come again once it was forgotten; its place in the order is then the new one.
      this.keys.delete(key);
      this.keys.set(key, record);
    }
    if (ingress !== undefined && ingressNumber !== undefined) {
      this.ingress.set(ingressId(ingress, ingressNumber), record);
    }
  }

  /** Forgets every key used before this batch: its journal entry is no longer kept. */
  forgetBefore(sequence: number): void {
    for (const [key, record] of this.keys) {
      if (record.position.sequence >= sequence) break;
      this.keys.delete(key);
    }
  }

  /** Forgets what is too old at this journal time, or too many. */
  forget(now: number): void {
    const { keyAgeMsMax, keysMax, ingressAgeMsMax, ingressMax } = this.limits;
    for (const [key, record] of this.keys) {
      if (this.keys.size <= keysMax && record.time > now - keyAgeMsMax) break;
      this.keys.delete(key);
    }
    for (const [id, record] of this.ingress) {
      if (this.ingress.size <= ingressMax && record.time > now - ingressAgeMsMax) break;
      this.ingress.delete(id);
      this.ingressFloor = record.position.sequence;
    }
  }
}

function ingressId(ingress: string, number: number): string {
  return `${ingress}:${number}`;
}

function firstValue<K, V>(map: Map<K, V>): V | undefined {
  for (const value of map.values()) return value;
  return undefined;
}
