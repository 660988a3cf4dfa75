import { GLOBAL_SERIES, type SeriesId } from '../../src/core/identifiers.ts';
import type { JournalEntry } from '../../src/core/records.ts';
import type {
  DeadLetter,
  EventOutbox,
  EventPosition,
  HoldRequest,
  OutboxHold,
  RequestedLetter,
  SeriesBacklog,
  StoredBatch,
} from '../../src/ports/event-outbox.ts';

const START: EventPosition = { sequence: 1, index: 0, since: 0 };

/** An outbox of one sink over journals in memory, whose hold a test can take away. */
export class MemoryOutbox implements EventOutbox {
  readonly journals: readonly { readonly series: SeriesId; readonly batches: StoredBatch[] }[];
  readonly positions = new Map<number, EventPosition>();
  readonly dead: (DeadLetter & { readonly id: number; requested: boolean })[] = [];
  epoch = 0;
  held = false;
  /** Whoever asks is told that the hold is still theirs. */
  gullible = false;
  /** Thrown by the next calls of `advance`, as a database that is gone. */
  failAdvances = 0;

  constructor(entries: readonly JournalEntry[], series: SeriesId = GLOBAL_SERIES) {
    const batches = entries.map(({ batch, text, revision }) => ({
      sequence: batch.sequence,
      revision,
      body: text,
      branch: null,
    }));
    this.journals = [{ series, batches }];
  }

  get position(): EventPosition {
    return this.positions.get(0) ?? START;
  }

  async take(_request: HoldRequest): Promise<OutboxHold | undefined> {
    if (this.held) return undefined;
    this.held = true;
    this.epoch += 1;
    return { sinkId: 1, epoch: this.epoch };
  }

  async keep({ epoch }: OutboxHold): Promise<boolean> {
    return this.gullible || (this.held && epoch === this.epoch);
  }

  async giveUp({ epoch }: OutboxHold): Promise<void> {
    if (epoch === this.epoch) this.held = false;
  }

  async backlog(): Promise<readonly SeriesBacklog[]> {
    return this.journals.map(({ series, batches }, seriesId) => {
      const position = this.positions.get(seriesId) ?? START;
      const last = batches.at(-1)?.sequence ?? 0;
      return { seriesId, series, position, batches: last - position.sequence + 1, oldest: undefined };
    });
  }

  async read({ seriesId, position }: SeriesBacklog): Promise<readonly StoredBatch[]> {
    return this.journals[seriesId]!.batches.filter(({ sequence }) => sequence >= position.sequence).slice(
      0,
      3,
    );
  }

  async passHole(): Promise<boolean> {
    return false;
  }

  async advance(
    { epoch }: OutboxHold,
    seriesId: number,
    { from, to, dead }: { from: EventPosition; to: EventPosition; dead: readonly DeadLetter[] },
  ): Promise<boolean> {
    if (this.failAdvances > 0) {
      this.failAdvances -= 1;
      throw new Error('the database is gone');
    }
    const at = this.positions.get(seriesId) ?? START;
    if (epoch !== this.epoch || at.sequence !== from.sequence || at.index !== from.index) return false;
    this.positions.set(seriesId, to);
    for (const letter of dead) this.dead.push({ ...letter, id: this.dead.length + 1, requested: false });
    return true;
  }

  async requested(): Promise<readonly RequestedLetter[]> {
    const { series, batches } = this.journals[0]!;
    return this.dead
      .filter(({ requested }) => requested)
      .map(({ id, position }) => ({
        id,
        series,
        index: position.index,
        batch: batches.find(({ sequence }) => sequence === position.sequence),
      }));
  }

  async settle(_hold: OutboxHold, id: number, refusal: string | undefined): Promise<void> {
    const at = this.dead.findIndex(letter => letter.id === id);
    if (refusal === undefined) this.dead.splice(at, 1);
    else this.dead[at] = { ...this.dead[at]!, reason: refusal, requested: false };
  }
}
