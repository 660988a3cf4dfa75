import { COLUMNS } from './history.ts';
import type { LiveEvent, LiveHistory, NumberEvent } from './live-protocol.ts';
import type { NodeSample } from './node-sampler.ts';
import type { NodeStatus } from './node-status.ts';

// What nodes tell each other for the live stream. Nothing that numbers depend on goes this way.

/** Where a node tells other nodes, on its HTTP port. They show its peer token, like those that forward. */
export const LINK_PATH = '/peer/v1/live';

/** A new one when a node would misunderstand an older one's reports; those of another version are silent to it. */
export const LINK_PROTOCOL = 'seqd.live-link.1';

/** How often a node reports to one that has viewers, and to one that has none, milliseconds. */
export const PACE = { fastMs: 100, slowMs: 1_000 } as const;

/** Larger than any history with 200 events. */
export const LINK_BYTES_MAX = 4 * 1024 * 1024;

/** From the node that listens. */
export type LinkRequest = { readonly type: 'pace'; readonly everyMs: number } | { readonly type: 'history' };

/** From the node that tells. */
export type LinkMessage = NodeReport | HistoryReport;

/** What happened since the report before, and how the node stands. */
export interface NodeReport {
  readonly type: 'report';
  /** When it was made, Unix milliseconds by the teller's clock; so its clock can be compared. */
  readonly at: number;
  readonly samples: readonly NodeSample[];
  /** Oldest first. */
  readonly events: readonly NumberEvent[];
  readonly eventsSkipped: number;
  readonly status: NodeStatus;
}

/** The cluster's past as the teller knows it. */
export interface HistoryReport {
  readonly type: 'history';
  readonly history: LiveHistory;
  readonly events: readonly LiveEvent[];
}

/** @throws Error for anything else */
export function parseLinkRequest(text: string): LinkRequest {
  const request = JSON.parse(text) as LinkRequest;
  if (request.type === 'history') return request;
  if (request.type === 'pace' && request.everyMs >= PACE.fastMs) return request;
  throw new Error('not a request of a live link');
}

/** @throws Error for anything else. Peers are believed, so only what would break us is looked at. */
export function parseLinkMessage(text: string): LinkMessage {
  const message = JSON.parse(text) as LinkMessage;
  if (message.type === 'report') {
    const { samples, events, status, at } = message;
    const sound = Array.isArray(samples) && samples.every(isSample) && Array.isArray(events);
    if (sound && Number.isFinite(at) && isStatus(status)) return message;
  }
  if (message.type === 'history' && Array.isArray(message.events) && isHistory(message.history))
    return message;
  throw new Error('not a message of a live link');
}

/** What is looked into when all nodes' statuses are put together; there one that lacks it would stop the whole stream. */
function isStatus({ problems, ledger, restoreGuard, numbers }: NodeStatus): boolean {
  const parts = Array.isArray(problems) && typeof ledger === 'object' && typeof restoreGuard === 'object';
  return parts && ledger !== null && restoreGuard !== null && typeof numbers === 'object';
}

function isHistory(history: LiveHistory): boolean {
  return [history.minute, history.fiveMinutes, history.hour].every(samples =>
    COLUMNS.every(name => Array.isArray(samples[name])),
  );
}

function isSample({ t, spanMs, latency }: NodeSample): boolean {
  return Number.isFinite(t) && spanMs > 0 && Array.isArray(latency);
}
