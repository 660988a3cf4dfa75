import type { NodeInfo } from '../../../../src/ports/coordination.ts';
import type { LiveNumbers, LiveView } from '../../../../src/server/live/live-protocol.ts';
import type { NodeStatus } from '../../../../src/server/live/node-status.ts';

/** A node of a made-up cluster; `node-2` listens on port 8002. */
export function info(id: string, fields: Partial<NodeInfo> = {}): NodeInfo {
  return {
    id,
    instance: `${id}-a`,
    site: 'berlin',
    partition: 'p1',
    url: `http://127.0.0.1:800${id.at(-1)}`,
    peerToken: 'token',
    lease: '1',
    version: '1.0.0',
    startedAt: 1_000,
    ...fields,
  };
}

/** A series with 100 issued numbers, all accounted for. */
export function numbers(fields: Partial<LiveNumbers> = {}): LiveNumbers {
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
    ...fields,
  };
}

/** A node that is well. */
export function status(fields: Partial<NodeStatus> = {}): NodeStatus {
  return {
    problems: [],
    etcdConnected: true,
    leader: { node: 'node-1', epoch: '7', since: 500 },
    projector: false,
    leaseMs: 4_000,
    numbers: numbers(),
    ledger: {
      state: 'none',
      detail: '',
      position: null,
      lagBatches: 0,
      lagSeconds: 0,
      unprojectedBytes: 0,
      fullness: 0,
      projector: null,
    },
    verification: null,
    restoreGuard: { state: 'off', detail: '' },
    stopped: null,
    pending: 0,
    eventLoopDelayMs: 3,
    numbersPerSecond: 0,
    requestsPerSecond: 0,
    errorsPerSecond: 0,
    p99: 0,
    ...fields,
  };
}

/** A cluster in which all is well. */
export function view(fields: Partial<LiveView> = {}): LiveView {
  return {
    cluster: 'test',
    series: 'default/global/all',
    numbers: numbers(),
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
    ledger: { ...status().ledger, verification: null },
    restoreGuard: { state: 'off', detail: '' },
    owners: { bySite: {}, byPartition: {}, byType: {} },
    alerts: [],
    demo: { available: false, run: null },
    vocabulary: { sites: [], invoiceTypes: {}, countMax: 1_000 },
    ...fields,
  };
}
