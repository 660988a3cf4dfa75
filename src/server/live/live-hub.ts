import type { DemoRun } from '../../demo/demo-run.ts';
import { ClusterLook, type LookSources } from './cluster-look.ts';
import { ClusterSamples, STEP_MS } from './cluster-samples.ts';
import { DemoWatch } from './demo-watch.ts';
import type { History } from './history.ts';
import type { KnownUrls } from './known-urls.ts';
import type { LiveEvent, LiveSample, LiveView } from './live-protocol.ts';
import type { LiveStream } from './live-stream.ts';
import type { LinkServer } from './link-server.ts';
import { Links } from './links.ts';
import type { NodeSampler } from './node-sampler.ts';
import { NodeReader, type ReaderSources } from './node-reader.ts';
import { stepWaitMs } from './step-wait.ts';
import type { Viewers } from './viewers.ts';

/** What the hub reads. */
export interface HubSources extends ReaderSources, LookSources {
  readonly sampler: NodeSampler;
}

const SECOND_MS = 1_000;
/** All nodes tell at the same time; so long after it what they told is here, as a rule, and need not wait for the next step. */
const HEAR_MS = 30;
/** Events that wait for the next look; more are only counted. */
const EVENTS_MAX = 1_000;
/** A step that fails again and again is told of so often. */
const FAILURE_LOG_MS = 60_000;

/**
 * The heart of a node's live stream: ten times a second it samples this node and tells the others, and a moment later it adds what these
 * have told and hands what came of it to the viewers. Without viewers it looks at the cluster only once a second.
 *
 * States: created → `start` → `close`.
 */
export class LiveHub {
  private readonly sources: HubSources;
  private readonly history: History;
  private readonly stream: LiveStream;
  private readonly linkServer: LinkServer;
  private readonly viewers: Viewers;
  private readonly urls: KnownUrls;
  private readonly links: Links;
  private readonly node: NodeReader;
  private readonly samples: ClusterSamples;
  private readonly cluster: ClusterLook;
  private readonly demoWatch = new DemoWatch();
  private readonly stopDemo: () => void;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  /** Unix milliseconds. */
  private readonly createdAt: number;
  private sampledThrough: number;
  private events: LiveEvent[] = [];
  private eventsSkipped = 0;
  private lookedMs = Number.NEGATIVE_INFINITY;
  private ledgerLag: number | null = null;
  private failureMs = Number.NEGATIVE_INFINITY;
  /** Since when there are viewers; `undefined` without. */
  private watchedMs: number | undefined;

  constructor(
    sources: HubSources,
    parts: {
      history: History;
      stream: LiveStream;
      linkServer: LinkServer;
      viewers: Viewers;
      urls: KnownUrls;
    },
  ) {
    this.sources = sources;
    this.history = parts.history;
    this.stream = parts.stream;
    this.linkServer = parts.linkServer;
    this.viewers = parts.viewers;
    this.urls = parts.urls;
    const { clock, logger, coordination } = sources;
    this.node = new NodeReader(sources);
    this.cluster = new ClusterLook(sources, this.node);
    this.createdAt = clock.now();
    this.samples = new ClusterSamples(this.createdAt);
    this.sampledThrough = this.samples.through;
    this.links = new Links({
      self: coordination.self,
      clock,
      logger,
      events: {
        reported: ({ samples, events, eventsSkipped }) => {
          for (const sample of samples) this.samples.add(sample);
          this.happened(events, eventsSkipped);
        },
        history: ({ history, events }) => {
          const isNews = this.history.adopt(history, this.samples.through);
          // What has happened to the cluster since we came we have seen ourselves, and told in our own words.
          const past = events.filter(({ category, at }) => category === 'number' || at < this.createdAt);
          if (this.stream.adoptEvents(past) || isNews) this.viewers.resyncAll();
          if (history.hour.t.length > 0) this.links.stopAsking();
        },
      },
    });
    this.stopDemo = sources.demo.onChange(() => this.noteDemo());
  }

  start(): void {
    this.schedule();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.stopDemo();
    this.links.close();
  }

  /** Takes a look at everything, so that the first viewer does not see what was a second ago. */
  refresh(): void {
    const nowMs = performance.now();
    this.links.sync(this.sources.coordination.nodes(), nowMs);
    const view = this.look(nowMs);
    this.stream.note({ samples: [], ...this.takeEvents() });
    this.stream.settle(view, nowMs);
  }

  private schedule(): void {
    if (this.closed) return;
    // A millisecond more, because timers may ring early.
    const waitMs = STEP_MS - (this.sources.clock.now() % STEP_MS) + 1;
    this.timer = setTimeout(() => {
      this.attempt(() => this.tell());
      this.timer = setTimeout(() => {
        this.attempt(() => this.show());
        this.schedule();
      }, HEAR_MS);
    }, waitMs);
  }

  private attempt(half: () => void): void {
    try {
      half();
    } catch (error) {
      // Nobody is to lose a number because of what is shown.
      this.failed(error);
    }
  }

  /** Takes a sample of this node, and tells the others. */
  private tell(): void {
    const nowMs = performance.now();
    const at = this.sources.clock.now();
    const watched = this.viewers.count > 0;
    this.sample(at);
    this.links.sync(this.sources.coordination.nodes(), nowMs);
    this.links.setFast(watched);
    this.watchedMs = watched ? (this.watchedMs ?? nowMs) : undefined;
    this.linkServer.report(nowMs, { at, status: () => this.node.status(nowMs) });
    this.node.askMembers(nowMs);
  }

  /** Adds up what all have told, and tells the viewers. */
  private show(): void {
    const nowMs = performance.now();
    const watched = this.viewers.count > 0;
    const samples = this.closeSteps(nowMs);
    const lookDue = watched ? this.viewers.isDue(nowMs) : nowMs - this.lookedMs >= SECOND_MS - STEP_MS / 2;
    const view = lookDue ? this.look(nowMs) : undefined;
    this.stream.note({ samples, ...this.takeEvents() });
    if (!watched) {
      if (view !== undefined) this.stream.settle(view, nowMs);
      return;
    }
    const at = this.sources.clock.now();
    const frame = view === undefined ? undefined : this.stream.next(view, { nowMs, at });
    if (frame !== undefined) this.viewers.broadcast(frame, nowMs);
    this.viewers.attend(nowMs);
  }

  private sample(at: number): void {
    const t = Math.floor(at / STEP_MS) * STEP_MS;
    if (t <= this.sampledThrough) return;
    const activity = this.sources.sampler.take(t, t - this.sampledThrough);
    this.sampledThrough = t;
    this.node.push(activity.sample);
    this.samples.add(activity.sample);
    this.linkServer.note(activity);
    this.happened(activity.events, activity.eventsSkipped);
  }

  private happened(events: readonly LiveEvent[], skipped: number): void {
    this.events.push(...events);
    const surplus = Math.max(0, this.events.length - EVENTS_MAX);
    if (surplus > 0) this.events = this.events.slice(surplus);
    this.eventsSkipped += skipped + surplus;
  }

  private failed(error: unknown): void {
    const nowMs = performance.now();
    if (nowMs - this.failureMs < FAILURE_LOG_MS) return;
    this.failureMs = nowMs;
    this.sources.logger.error({ err: error }, 'live stream: a step failed');
  }

  /** Ends the steps that everybody has told of, and those that have waited long enough. */
  private closeSteps(nowMs: number): LiveSample[] {
    const watchedForMs = this.watchedMs === undefined ? undefined : nowMs - this.watchedMs;
    const waited = this.sampledThrough - stepWaitMs(watchedForMs);
    const told = Math.min(this.sampledThrough, this.links.reportedThrough(nowMs));
    return this.samples.close(Math.max(told, waited)).map(step => this.history.push(step, this.ledgerLag));
  }

  private takeEvents(): { events: LiveEvent[]; eventsSkipped: number } {
    const { events, eventsSkipped } = this;
    this.events = [];
    this.eventsSkipped = 0;
    return { events, eventsSkipped };
  }

  /** The cluster as it is now; what has changed in it becomes events. */
  private look(nowMs: number): LiveView {
    this.lookedMs = nowMs;
    this.urls.note(this.sources.coordination.nodes());
    const status = this.node.status(nowMs);
    const peers = this.links.known(nowMs);
    const { view, events } = this.cluster.take({ nowMs, status, peers, traffic: this.samples.traffic() });
    this.ledgerLag = view.ledger.state === 'none' ? null : view.ledger.lagSeconds;
    this.events.push(...events);
    return view;
  }

  private noteDemo(): void {
    const run: DemoRun | null = this.sources.demo.run();
    if (run !== null) this.events.push(...this.demoWatch.update(run, this.sources.clock.now()));
  }
}
