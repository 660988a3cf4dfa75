import type { DocumentEvent } from '../core/document-event.ts';

/** An event with its JSON text, which is what is sent and signed. */
export interface OutgoingEvent {
  readonly event: DocumentEvent;
  readonly text: string;
}

/**
 * What became of an attempt to deliver.
 * - `accepted`: the receiver has all of them, and has said so.
 * - `later`: whether it has any is not known, or it cannot take them now; the same events are to be sent again.
 * - `refused`: it will not take them as they are. It may be for one of them only.
 */
export type DeliveryOutcome =
  | { readonly status: 'accepted' }
  | { readonly status: 'later'; readonly reason: string; readonly retryAfterMs?: number | undefined }
  | { readonly status: 'refused'; readonly reason: string };

/** A receiver of events: at least once, those of a series in the order of the journal. Called once at a time. */
export interface EventSink {
  /**
   * Delivers events, all or (as far as is known) none. Never rejects, and takes a bounded time.
   *
   * @param events at least one
   * @param signal the outcome is no longer wanted
   */
  deliver(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<DeliveryOutcome>;
  /** Ends its connections. Never rejects. */
  close(): Promise<void>;
}
