import type { ErrorCode, ErrorDetails } from '../core/errors.ts';
import type { JournalRecord } from '../core/facts.ts';
import type { SeriesId } from '../core/identifiers.ts';
import type { Request } from '../core/requests.ts';
import type { NodeInfo } from './coordination.ts';

/** Gathered requests on their way to the leader. Every request carries its ingress id. */
export interface ForwardMessage {
  readonly series: SeriesId;
  readonly requests: readonly Request[];
  /** Of the leadership the sender knows; a receiver that knows of an older one looks again before it declines. */
  readonly epoch: number;
  /** Milliseconds the sender will still wait. */
  readonly budgetMs: number;
}

/** What the leader made of one forwarded request. */
export type ForwardOutcome =
  | { readonly status: 'done'; readonly record: JournalRecord; readonly replayed: boolean }
  | {
      readonly status: 'failed';
      readonly code: ErrorCode;
      readonly detail: string;
      readonly details: ErrorDetails;
    };

/** The leader's answer; `not_leader` means that it did not look at any of the requests. */
export type ForwardReply =
  | { readonly status: 'not_leader' }
  | { readonly status: 'done'; readonly outcomes: readonly ForwardOutcome[]; readonly sequence: number };

/** The peer gave no answer, so what became of the requests is not known. */
export class PeerUnreachableError extends Error {
  override readonly name = 'PeerUnreachableError';
  /** Nobody listens at the peer's address: the process is gone, not merely slow. */
  readonly gone: boolean;

  constructor(message: string, gone: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.gone = gone;
  }
}

/** How nodes pass requests on. One hop: a receiver never forwards further. */
export interface Peers {
  /** @throws PeerUnreachableError when no answer came, at the latest a second after the message's budget */
  forward(node: NodeInfo, message: ForwardMessage): Promise<ForwardReply>;
  close(): Promise<void>;
}
