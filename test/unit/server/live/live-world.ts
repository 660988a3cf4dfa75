import type { NodeInfo } from '../../../../src/ports/coordination.ts';
import type { NodeStatus } from '../../../../src/server/live/node-status.ts';
import { viewOf } from '../../../kit/live-frames.ts';

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

/** A node that is well, in the cluster of `viewOf()`. */
export function status(fields: Partial<NodeStatus> = {}): NodeStatus {
  const {
    ledger: { verification, ...ledger },
    leader,
    numbers,
    restoreGuard,
  } = viewOf();
  return {
    problems: [],
    etcdConnected: true,
    leader,
    projector: false,
    leaseMs: 4_000,
    numbers,
    ledger,
    verification,
    restoreGuard,
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
