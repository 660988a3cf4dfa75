import type { ErrorCode, ErrorDetails } from './errors.ts';
import type { FactOrigin, ImportStart, JournalRecord } from './facts.ts';
import type { Owner, Position } from './identifiers.ts';
import type { NumberRange } from './ranges.ts';

/** Draw `count` numbers. `contiguous` asks for one range, which then comes from the counter. */
export interface IssueCommand {
  readonly kind: 'issue';
  readonly owner: Owner;
  readonly count: number;
  readonly contiguous?: boolean;
  /** Release the numbers again in the same step, for this reason (a suppressed document). */
  readonly suppress?: string;
}

/** Draw one contiguous range from the counter. */
export interface BlockCommand {
  readonly kind: 'block';
  readonly owner: Owner;
  readonly count: number;
}

/** Hold `count` numbers for `holdMs` milliseconds. */
export interface ReserveCommand {
  readonly kind: 'reserve';
  readonly owner: Owner;
  readonly count: number;
  readonly holdMs: number;
}

/** Turn a reservation into an allocation, or end it. */
export interface ReservationCommand {
  readonly kind: 'confirm' | 'cancel';
  readonly reservation: Position;
  readonly site: string;
  readonly partition: string;
}

/** End every reservation whose deadline has passed. Submitted by the engine, never by clients. */
export interface ExpireCommand {
  readonly kind: 'expire';
  readonly reservation: Position;
}

/** Who first drew a number. Looked up in the journal it never changes, so it cannot be stale. */
export interface FreshOwner {
  readonly allocation: Position;
  readonly owner: Owner;
  /** The journal entry is gone, and this is what the client says. */
  readonly claimed?: true;
}

/** Give a number back, or take it out for good. */
export interface ReturnCommand {
  readonly kind: 'release' | 'void';
  readonly number: number;
  readonly site: string;
  readonly partition: string;
  readonly reason: string;
  /** Who did it; for `void`. */
  readonly actor?: string;
  /** The allocation the client believes it returns; required once the number was reissued or its journal entry is gone. */
  readonly allocation?: Position;
  /** The document type the client believes it was drawn for; required once its journal entry is gone. */
  readonly type?: string;
  /** Filled in by the engine when the plan asks for it with a `lookup` outcome. */
  readonly freshOwner?: FreshOwner;
}

/** Raise the counter so that the next fresh number is `next`. With `imported`, the numbers from there on are an older numbering's. */
export interface RaiseCommand {
  readonly kind: 'raise';
  readonly next: number;
  readonly reason: string;
  readonly actor: string;
  readonly imported?: ImportStart;
}

/** Say which of the next imported numbers, `first` to `last`, the older numbering never used. */
export interface AdoptCommand {
  readonly kind: 'adopt';
  readonly first: number;
  readonly last: number;
  readonly gaps: readonly NumberRange[];
  /** Of the import this belongs to. */
  readonly source: string;
  readonly reason: string;
  readonly actor: string;
}

/** Make numbers of the pool void; submitted by a recovery, never by clients. */
export interface RetireCommand {
  readonly kind: 'retire';
  /** Ascending, disjoint, all in one page, so that each command fits into a commit, and each has few rows in the ledger. */
  readonly ranges: readonly NumberRange[];
  readonly reason: string;
  readonly actor: string;
}

export type Command =
  | IssueCommand
  | BlockCommand
  | ReserveCommand
  | ReservationCommand
  | ExpireCommand
  | ReturnCommand
  | RaiseCommand
  | AdoptCommand
  | RetireCommand;

/** Commands that draw numbers. */
export type DrawCommand = IssueCommand | BlockCommand | ReserveCommand;

/** A command with what makes it repeatable. */
export interface Request {
  readonly command: Command;
  /**
   * Where it came from. With `key`, a repetition within the window gets the first answer; with `ingress`,
   * so does a forward that is sent again.
   */
  readonly origin: FactOrigin;
  /**
   * For forwarded requests: the journal sequence the ingress node knew when it took the request in. The
   * request cannot have been committed at or before it, so a memory that reaches back this far is complete.
   */
  readonly ingressSince?: number;
}

/** Why a request was not carried out; nothing was changed. */
export interface Rejection {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly details?: ErrorDetails;
}

/**
 * What the plan decided about one request.
 * - `done`: the fact stands in the journal, or will once the batch commits; `replayed` when it did before.
 * - `rejected`: refused.
 * - `lookup`: the first owner of `number` must be looked up; plan again with {@link ReturnCommand.freshOwner}.
 */
export type Outcome =
  | { readonly status: 'done'; readonly record: JournalRecord; readonly replayed: boolean }
  | { readonly status: 'rejected'; readonly rejection: Rejection }
  | { readonly status: 'lookup'; readonly number: number };
