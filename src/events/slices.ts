import { decodeBatch } from '../core/batch-codec.ts';
import { type EventKind, eventOf } from '../core/document-event.ts';
import type { SeriesId } from '../core/identifiers.ts';
import type { EventPosition, StoredBatch } from '../ports/event-outbox.ts';
import type { OutgoingEvent } from '../ports/event-sink.ts';

/** An event, and where its series stands once it is delivered. */
export interface PlacedEvent extends OutgoingEvent {
  /** Of its batch, Unix milliseconds. */
  readonly time: number;
  readonly after: EventPosition;
}

/** What is sent at once. */
export interface Slice {
  /** May be none, when the sink does not want what lies there. */
  readonly events: readonly PlacedEvent[];
  /** Where the series stands once all are delivered: at or past the last one's `after`. */
  readonly end: EventPosition;
}

/** How batches are cut. */
export interface SliceLimits {
  /** Kinds the sink wants; `undefined`: all. */
  readonly kinds: ReadonlySet<EventKind> | undefined;
  readonly countMax: number;
  /** Of JSON text; one event may be longer. */
  readonly bytesMax: number;
}

/**
 * Cuts batches into what is sent at once, in order, without anything left out between. Batches are decoded when they are reached.
 *
 * @param start in the first of the batches
 * @throws SeqdError `unsupported_format`, after what comes before that batch
 */
export function* slicesOf(
  batches: readonly StoredBatch[],
  start: EventPosition,
  place: { readonly cluster: string; readonly series: SeriesId },
  { kinds, countMax, bytesMax }: SliceLimits,
): Generator<Slice> {
  let events: PlacedEvent[] = [];
  let bytes = 0;
  let end = start;
  for (const { sequence, revision, body, branch } of batches) {
    let batch;
    try {
      batch = decodeBatch(body);
    } catch (error) {
      if (end !== start) yield { events, end };
      throw error;
    }
    const origin = { ...place, revision, branch };
    for (let index = sequence === start.sequence ? start.index : 0; index < batch.facts.length; index += 1) {
      const last = index + 1 === batch.facts.length;
      const after: EventPosition = {
        sequence: last ? sequence + 1 : sequence,
        index: last ? 0 : index + 1,
        since: batch.time,
      };
      if (kinds === undefined || kinds.has(batch.facts[index]!.kind)) {
        const event = eventOf(batch, index, origin);
        const text = JSON.stringify(event);
        const size = Buffer.byteLength(text);
        if (events.length === countMax || (events.length > 0 && bytes + size > bytesMax)) {
          yield { events, end };
          events = [];
          bytes = 0;
        }
        events.push({ event, text, time: batch.time, after });
        bytes += size;
      }
      end = after;
    }
  }
  if (end !== start) yield { events, end };
}
