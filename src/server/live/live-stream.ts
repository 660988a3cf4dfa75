import type { History } from './history.ts';
import {
  LIVE_PROTOCOL,
  type HelloFrame,
  type HeartbeatFrame,
  type LiveEvent,
  type LiveNode,
  type LiveSample,
  type LiveView,
  type NumberEvent,
  type SnapshotFrame,
} from './live-protocol.ts';

/** Sections whose figures always move, and how often they are sent for that alone, milliseconds. */
const PACED: Partial<Record<keyof LiveView, number>> = {
  nodes: 500,
  traffic: 200,
  ledger: 500,
  members: 1_000,
};
const HEARTBEAT_MS = 1_000;
/** Number events of a delta; those of the cluster and of demonstrations are all sent. */
const NUMBER_EVENTS_MAX = 8;
/** At rest samples wait for the next delta; but so many are worth one, or those who come then would see what was long ago. */
const SAMPLES_WAIT = 100;
/** More do not wait, should no delta be made at all. */
const SAMPLES_MAX = 600;
/** Of both kinds, so that numbers do not push out what happened to the cluster. */
const EVENTS_KEPT = { numbers: 120, others: 80 } as const;

/** What may have happened since the last time the stream was told. */
export interface Happenings {
  readonly samples: readonly LiveSample[];
  readonly events: readonly LiveEvent[];
  readonly eventsSkipped: number;
}

interface Sent {
  /** Of which the text was made. */
  readonly value: unknown;
  readonly text: string;
  /** What is worth a frame at once; `undefined` where everything is. */
  readonly urgent: string | undefined;
  readonly atMs: number;
}

/**
 * Makes the frames of one node's stream: numbers them, and sends of the view what has changed. A frame is made once, for all
 * viewers.
 */
export class LiveStream {
  private readonly options: { readonly stream: string; readonly node: string; readonly version: string };
  private readonly history: History;
  private seq = 0;
  private readonly sent = new Map<keyof LiveView, Sent>();
  private samples: LiveSample[] = [];
  private events: LiveEvent[] = [];
  private eventsSkipped = 0;
  /** Those that were sent, the newest. */
  private kept: LiveEvent[] = [];
  /** End of the last sample that was sent. */
  private sentThrough = 0;
  private lastFrameMs = Number.NEGATIVE_INFINITY;
  /** What a snapshot says, whatever it is sent for. */
  private whole: { readonly seq: number; readonly text: string } | undefined;

  constructor(
    options: { readonly stream: string; readonly node: string; readonly version: string },
    history: History,
  ) {
    this.options = options;
    this.history = history;
  }

  /** Takes in what happened; it is in the next delta. */
  note({ samples, events, eventsSkipped }: Happenings): void {
    this.samples.push(...samples);
    if (this.samples.length > SAMPLES_MAX) this.samples = this.samples.slice(-SAMPLES_MAX);
    this.events.push(...events);
    this.eventsSkipped += eventsSkipped;
  }

  /** The newest events, oldest first, at most 200. */
  allEvents(): readonly LiveEvent[] {
    return newest([...this.kept, ...this.events]);
  }

  /** Puts another node's events before ours. @returns whether there were any that we did not know */
  adoptEvents(others: readonly LiveEvent[]): boolean {
    const known = new Set(this.allEvents().map(({ id }) => id));
    const unknown = others.filter(({ id }) => !known.has(id));
    this.kept = newest([...unknown, ...this.kept]);
    this.whole = undefined;
    return unknown.length > 0;
  }

  hello(intervalMs: number): string {
    const { stream, node, version } = this.options;
    const frame: HelloFrame = {
      type: 'hello',
      protocol: LIVE_PROTOCOL,
      stream,
      seq: this.seq,
      node,
      version,
      intervalMs,
    };
    return JSON.stringify(frame);
  }

  /** Everything that frames up to the last one have said. */
  snapshot(why: SnapshotFrame['why']): string {
    if (this.whole?.seq !== this.seq) {
      const history = JSON.stringify(this.history.columns(this.sentThrough));
      const events = JSON.stringify(this.kept);
      const text = `"view":${this.viewText()},"history":${history},"events":${events}`;
      this.whole = { seq: this.seq, text };
    }
    return `{"type":"snapshot","seq":${this.seq},"why":"${why}",${this.whole.text}}`;
  }

  /** The next frame, when there is something to say; `undefined` when not. */
  next(view: LiveView, { nowMs, at }: { nowMs: number; at: number }): string | undefined {
    const changed = this.changes(view, nowMs);
    if (changed.length === 0 && !this.hasNews()) {
      return nowMs - this.lastFrameMs < HEARTBEAT_MS ? undefined : this.heartbeat(nowMs, at);
    }
    this.seq += 1;
    const changes = changed.map(name => `"${name}":${this.sent.get(name)!.text}`).join(',');
    const { events, samples, eventsSkipped } = this.takeHappenings();
    this.lastFrameMs = nowMs;
    return (
      `{"type":"delta","seq":${this.seq},"at":${at},"changes":{${changes}},"samples":${JSON.stringify(samples)},` +
      `"events":${JSON.stringify(events)},"eventsSkipped":${eventsSkipped}}`
    );
  }

  /** Without viewers nothing is numbered: what happened is in the next snapshot. */
  settle(view: LiveView, nowMs: number): void {
    this.changes(view, nowMs, true);
    this.takeHappenings(EVENTS_KEPT.numbers);
    this.whole = undefined;
  }

  private hasNews(): boolean {
    const { events, eventsSkipped, samples } = this;
    if (events.length > 0 || eventsSkipped > 0 || samples.length >= SAMPLES_WAIT) return true;
    return samples.some(({ numbers, requests, errors }) => numbers + requests + errors > 0);
  }

  private heartbeat(nowMs: number, at: number): string {
    this.seq += 1;
    this.lastFrameMs = nowMs;
    const frame: HeartbeatFrame = { type: 'heartbeat', seq: this.seq, at };
    return JSON.stringify(frame);
  }

  /** Sections that are to be sent; what is sent of them is noted. */
  private changes(view: LiveView, nowMs: number, all = false): (keyof LiveView)[] {
    const changed: (keyof LiveView)[] = [];
    for (const name of Object.keys(view) as (keyof LiveView)[]) {
      const before = this.sent.get(name);
      // Owners and vocabulary are large where there are many sites, and seldom others.
      if (before !== undefined && before.value === view[name]) continue;
      const urgent = urgentPart(name, view);
      const early = before !== undefined && nowMs - before.atMs < (PACED[name] ?? 0);
      if (early && !all && before.urgent === urgent) continue;
      const text = JSON.stringify(view[name]);
      if (before?.text === text) continue;
      this.sent.set(name, { value: view[name], text, urgent, atMs: nowMs });
      changed.push(name);
    }
    return changed;
  }

  private takeHappenings(numbersMax = NUMBER_EVENTS_MAX): {
    events: LiveEvent[];
    samples: LiveSample[];
    eventsSkipped: number;
  } {
    const { samples } = this;
    const { events, skipped } = select(this.events, numbersMax);
    const eventsSkipped = this.eventsSkipped + skipped;
    this.sentThrough = samples.at(-1)?.t ?? this.sentThrough;
    this.kept = newest([...this.kept, ...events]);
    this.samples = [];
    this.events = [];
    this.eventsSkipped = 0;
    return { events, samples, eventsSkipped };
  }

  private viewText(): string {
    return `{${[...this.sent].map(([name, { text }]) => `"${name}":${text}`).join(',')}}`;
  }
}

/** What of a paced section must not wait; `undefined` when all of it may. */
function urgentPart(name: keyof LiveView, view: LiveView): string | undefined {
  switch (name) {
    case 'nodes':
      return JSON.stringify(view.nodes.map(urgentOfNode));
    case 'ledger':
      return `${view.ledger.state} ${view.ledger.projector}`;
    case 'members':
      return JSON.stringify(view.members.map(({ endpoint, healthy, leader }) => [endpoint, healthy, leader]));
    case 'traffic':
      return '';
    default:
      return undefined;
  }
}

function urgentOfNode({ id, startedAt, state, problems, leader, projector }: LiveNode): unknown[] {
  return [id, startedAt, state, problems, leader, projector];
}

function newest(events: readonly LiveEvent[]): LiveEvent[] {
  const isNumber = ({ category }: LiveEvent): boolean => category === 'number';
  const numbers = events.filter(isNumber).slice(-EVENTS_KEPT.numbers);
  const others = events.filter(event => !isNumber(event)).slice(-EVENTS_KEPT.others);
  return [...numbers, ...others].sort((a, b) => a.at - b.at);
}

/** The newest number events in the journal's order, with all others. */
function select(all: readonly LiveEvent[], numbersMax: number): { events: LiveEvent[]; skipped: number } {
  const numbers = all.filter(event => event.category === 'number').sort(byPosition);
  const others = all.filter(event => event.category !== 'number');
  const taken = numbers.slice(-numbersMax);
  const events: LiveEvent[] = [...others, ...taken].sort((a, b) => a.at - b.at);
  return { events, skipped: numbers.length - taken.length };
}

function byPosition(a: NumberEvent, b: NumberEvent): number {
  return a.revision - b.revision || indexOf(a) - indexOf(b);
}

function indexOf({ id }: NumberEvent): number {
  return Number(id.slice(id.indexOf('-') + 1));
}
