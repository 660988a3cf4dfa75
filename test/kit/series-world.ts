import { createHash } from 'node:crypto';
import { applyBatch } from '../../src/core/apply.ts';
import { decodeBatch } from '../../src/core/batch-codec.ts';
import { CompletenessCheck, type CompletenessReport } from '../../src/core/completeness.ts';
import { decodeHead, encodeHead, type SeriesSettings } from '../../src/core/head.ts';
import { decodePage, encodePage } from '../../src/core/page.ts';
import { plan } from '../../src/core/plan.ts';
import { decodeJournalEntry } from '../../src/core/records.ts';
import type { Outcome, Request, ReturnCommand } from '../../src/core/requests.ts';
import { SeriesState } from '../../src/core/state.ts';
import type { WindowLimits } from '../../src/core/window.ts';

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

export const SETTINGS: SeriesSettings = { start: 1, maximum: Number.MAX_SAFE_INTEGER, reuse: 'lowest-first' };

/**
 * A series without a store: the state machine driven directly, its journal kept as stored text, and a replica
 * that knows nothing but that journal.
 */
export class SeriesWorld {
  readonly state: SeriesState;
  readonly replica: SeriesState;
  readonly journal: string[] = [];
  now = 1_000;

  constructor(settings: SeriesSettings = SETTINGS, window?: WindowLimits) {
    this.state = SeriesState.empty(settings, window);
    this.replica = SeriesState.empty(settings, window);
  }

  /** Carries out requests as one batch, looking owners up as the engine would. */
  run(requests: readonly Request[]): Outcome[] {
    const outcomes: Outcome[] = [];
    let rest = requests;
    while (rest.length > 0) {
      const taken = this.runBatch(rest);
      outcomes.push(...taken);
      rest = rest.slice(taken.length);
    }
    return outcomes.map((outcome, i) => {
      if (outcome.status !== 'lookup') return outcome;
      const request = requests[i]!;
      const freshOwner = this.findFreshOwner(outcome.number);
      return this.run([{ ...request, command: { ...(request.command as ReturnCommand), freshOwner } }])[0]!;
    });
  }

  /** One request, one batch. */
  do(command: Request['command'], origin: Request['origin'] = {}): Outcome {
    return this.run([{ command, origin }])[0]!;
  }

  /** The completeness check over the journal and the stored form of the state. */
  check(): CompletenessReport {
    const pages = new Map(
      [...this.state.allPages()].map(([id, page]) => [id, decodePage(id, encodePage(id, page))] as const),
    );
    const head = decodeHead(encodeHead(this.state.head));
    const check = new CompletenessCheck(
      {
        revision: this.journal.length,
        head,
        pages,
        reservations: [...this.state.reservations()],
        journalFirst: 1,
      },
      digest,
    );
    for (const [i, text] of this.journal.entries()) check.feed(decodeJournalEntry(text, i + 1));
    return check.report();
  }

  private runBatch(requests: readonly Request[]): readonly Outcome[] {
    const context = {
      now: this.now,
      node: 'world',
      serial: this.journal.length,
      digest,
      recordsMax: 100,
      bytesMax: 1e6,
    };
    const result = plan(this.state, requests, context);
    if (result.plan !== null) {
      this.journal.push(result.plan.text);
      this.state.absorb(result.plan.draft, this.journal.length);
      const copy = applyBatch(this.replica, decodeBatch(result.plan.text), result.plan.text, digest);
      this.replica.absorb(copy, this.journal.length);
    }
    return result.outcomes;
  }

  private findFreshOwner(number: number): NonNullable<ReturnCommand['freshOwner']> {
    for (const text of this.journal) {
      const batch = decodeBatch(text);
      for (const [index, fact] of batch.facts.entries()) {
        if (fact.kind !== 'issue' && fact.kind !== 'block' && fact.kind !== 'reserve') continue;
        if (fact.fresh !== null && fact.fresh.first <= number && number <= fact.fresh.last) {
          return { allocation: { sequence: batch.sequence, index }, owner: fact.owner };
        }
      }
    }
    throw new Error(`number ${number} was never drawn`);
  }
}
