import type {
  DeltaFrame,
  HelloFrame,
  LiveEvent,
  LiveHistory,
  LiveNode,
  LiveNumbers,
  LiveSample,
  LiveSamples,
  LiveView,
  SnapshotFrame,
} from '../../src/server/live/live-protocol.ts';

// Frames of the live stream as tests want them: everything is given, and what a test is about is changed.

/** A series with 100 issued numbers, all accounted for. */
export function numbersOf(changes: Partial<LiveNumbers> = {}): LiveNumbers {
  return {
    start: 1,
    next: 101,
    maximum: 1_000_000,
    reuse: 'lowest-first',
    issued: 100,
    pooled: 0,
    reserved: 0,
    void: 0,
    imported: 0,
    holes: 0,
    sequence: 10,
    chain: 'c'.repeat(64),
    revision: 50,
    lastBatchAt: 1_000,
    ...changes,
  };
}

/** A small cluster at rest, in which all is well, as its nodes would tell a page. */
export function viewOf(changes: Partial<LiveView> = {}): LiveView {
  return {
    cluster: 'test',
    series: 'default/global/all',
    numbers: numbersOf(),
    traffic: {
      numbersPerSecond: 0,
      requestsPerSecond: 0,
      errorsPerSecond: 0,
      batchesPerSecond: 0,
      batchSize: 0,
      p50: 0,
      p95: 0,
      p99: 0,
    },
    nodes: [],
    members: [1, 2, 3].map(i => ({ endpoint: `http://etcd-${i}`, healthy: true, leader: i === 1 })),
    leader: { node: 'node-1', epoch: '7', since: 500 },
    ledger: {
      state: 'none',
      detail: '',
      position: null,
      lagBatches: 0,
      lagSeconds: 0,
      unprojectedBytes: 0,
      fullness: 0,
      projector: null,
      verification: null,
    },
    restoreGuard: { state: 'off', detail: '' },
    owners: { bySite: {}, byPartition: {}, byType: {} },
    alerts: [],
    demo: { available: false, run: null },
    vocabulary: { sites: [], invoiceTypes: {}, countMax: 1_000 },
    ...changes,
  };
}

export function nodeOf(id: string, changes: Partial<LiveNode> = {}): LiveNode {
  return {
    id,
    site: 's',
    partition: 'p',
    url: `http://${id}:8080`,
    version: '0.1.0',
    startedAt: 0,
    state: 'serving',
    problems: [],
    leader: false,
    projector: false,
    self: false,
    leaseMs: null,
    behindBatches: 0,
    numbersPerSecond: 0,
    requestsPerSecond: 0,
    errorsPerSecond: 0,
    p99: 0,
    pending: 0,
    eventLoopDelayMs: 0,
    ...changes,
  };
}

export function sampleOf(t: number, changes: Partial<LiveSample> = {}): LiveSample {
  return {
    t,
    numbers: 0,
    requests: 0,
    errors: 0,
    p50: null,
    p95: null,
    p99: null,
    batch: null,
    ledgerLag: null,
    ...changes,
  };
}

export function samplesOf(stepMs: number, samples: readonly LiveSample[]): LiveSamples {
  const column = <Name extends keyof LiveSample>(name: Name): LiveSample[Name][] =>
    samples.map(sample => sample[name]);
  return {
    stepMs,
    t: column('t'),
    numbers: column('numbers'),
    requests: column('requests'),
    errors: column('errors'),
    p50: column('p50'),
    p95: column('p95'),
    p99: column('p99'),
    batch: column('batch'),
    ledgerLag: column('ledgerLag'),
  };
}

export function historyOf(parts: {
  minute?: readonly LiveSample[];
  fiveMinutes?: readonly LiveSample[];
  hour?: readonly LiveSample[];
}): LiveHistory {
  return {
    minute: samplesOf(100, parts.minute ?? []),
    fiveMinutes: samplesOf(1_000, parts.fiveMinutes ?? []),
    hour: samplesOf(10_000, parts.hour ?? []),
  };
}

export function eventOf(id: string): LiveEvent {
  return { id, category: 'cluster', at: 1_000, kind: 'node:joined', text: id, mark: false };
}

export function helloOf(changes: Partial<HelloFrame> = {}): HelloFrame {
  return {
    type: 'hello',
    protocol: 'seqd.live.1',
    stream: 'a',
    seq: 0,
    node: 'node-1',
    version: '0.1.0',
    intervalMs: 100,
    ...changes,
  };
}

export function snapshotOf(changes: Partial<SnapshotFrame> = {}): SnapshotFrame {
  return {
    type: 'snapshot',
    seq: 0,
    why: 'hello',
    view: viewOf(),
    history: historyOf({}),
    events: [],
    ...changes,
  };
}

export function deltaOf(seq: number, changes: Partial<DeltaFrame> = {}): DeltaFrame {
  return {
    type: 'delta',
    seq,
    at: 1_000,
    changes: {},
    samples: [],
    events: [],
    eventsSkipped: 0,
    ...changes,
  };
}
