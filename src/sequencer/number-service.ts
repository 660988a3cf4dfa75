import { type Digest } from '../core/apply.ts';
import { SeqdError } from '../core/errors.ts';
import type { FactOrigin } from '../core/facts.ts';
import type { Owner, Position } from '../core/identifiers.ts';
import { plan } from '../core/plan.ts';
import {
  type AllocatedRange,
  allocationReply,
  type AllocationReply,
  returnReply,
  type ReturnReply,
} from '../core/replies.ts';
import type { IssueCommand } from '../core/requests.ts';
import { COMMIT_BYTES_MAX, COMMIT_RECORDS_MAX } from '../ports/sequence-store.ts';
import type { SeriesSequencer } from './series-sequencer.ts';

/** A reply, and whether it is the stored answer of an earlier request with the same key. */
export interface Replied<T> {
  readonly reply: T;
  readonly replayed: boolean;
}

/** What a draw would give if it were made now. Nobody is promised these numbers. */
export interface PreviewReply {
  readonly numbers: readonly AllocatedRange[];
  readonly count: number;
  readonly owner: Owner;
}

/** What a client asks for when it draws numbers. */
export interface DrawRequest {
  readonly owner: Owner;
  readonly count: number;
  readonly contiguous?: boolean;
  readonly origin: FactOrigin;
}

/** The operations of one series in the words of its users. Every method throws SeqdError only. */
export class NumberService {
  private readonly sequencer: SeriesSequencer;
  private readonly digest: Digest;

  constructor(sequencer: SeriesSequencer, digest: Digest) {
    this.sequencer = sequencer;
    this.digest = digest;
  }

  /** Draws numbers for good. */
  issue(draw: DrawRequest): Promise<Replied<AllocationReply>> {
    return this.draw(draw);
  }

  /** Draws numbers and releases them in the same step, so that the document is numbered but takes no number. */
  suppress(draw: DrawRequest, reason: string): Promise<Replied<AllocationReply>> {
    return this.draw(draw, reason);
  }

  /** Says what {@link issue} would give now, and takes nothing. */
  async preview(draw: DrawRequest): Promise<PreviewReply> {
    const state = await this.sequencer.current();
    const { owner, count, contiguous = false } = draw;
    const command = { kind: 'issue' as const, owner, count, contiguous };
    const limits = { recordsMax: COMMIT_RECORDS_MAX, bytesMax: COMMIT_BYTES_MAX };
    const context = { now: 0, node: '', serial: 0, digest: this.digest, ...limits };
    const outcome = plan(state, [{ command, origin: {} }], context).outcomes[0]!;
    if (outcome.status === 'done') return { numbers: allocationReply(outcome.record).numbers, count, owner };
    if (outcome.status === 'rejected') throw new SeqdError(outcome.rejection.code, outcome.rejection.detail);
    throw new SeqdError('internal');
  }

  /** Gives a number back. */
  async release(input: {
    number: number;
    site: string;
    partition: string;
    reason: string;
    allocation?: Position;
    type?: string;
    origin: FactOrigin;
  }): Promise<Replied<ReturnReply>> {
    const { origin, ...command } = input;
    const answer = await this.sequencer.submit({ command: { kind: 'release', ...command }, origin });
    return { reply: returnReply(answer.record), replayed: answer.replayed };
  }

  private async draw(draw: DrawRequest, suppress?: string): Promise<Replied<AllocationReply>> {
    const { owner, count, contiguous, origin } = draw;
    const command: { -readonly [K in keyof IssueCommand]: IssueCommand[K] } = { kind: 'issue', owner, count };
    if (contiguous === true) command.contiguous = true;
    if (suppress !== undefined) command.suppress = suppress;
    const answer = await this.sequencer.submit({ command, origin });
    return { reply: allocationReply(answer.record), replayed: answer.replayed };
  }
}
