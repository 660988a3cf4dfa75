import { COLUMNS } from './history.ts';
import type { LiveEvent, LiveHistory, LiveSamples, NumberEvent } from './live-protocol.ts';
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
  /** As a report's. */
  readonly at: number;
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

/**
 * What other nodes tell is believed, so only that is looked at what would stop or spoil this node's stream, for good: a node of another
 * version may tell more, or other things.
 *
 * @throws Error for anything else
 */
export function parseLinkMessage(text: string): LinkMessage {
  const message = JSON.parse(text) as LinkMessage;
  if (isReport(message) || isHistoryReport(message)) return message;
  throw new Error('not a message of a live link');
}

function isReport(message: LinkMessage): boolean {
  if (message.type !== 'report') return false;
  const { samples, events, status, at } = message;
  return Number.isFinite(at) && isList(samples, isSample) && isList(events, isEvent) && isStatus(status);
}

function isHistoryReport(message: LinkMessage): boolean {
  if (message.type !== 'history') return false;
  const { at, events, history } = message;
  const { minute, fiveMinutes, hour } = history;
  return Number.isFinite(at) && isList(events, isEvent) && [minute, fiveMinutes, hour].every(isSamples);
}

function isSample(sample: NodeSample): boolean {
  const { t, spanMs, requests, errors, numbers, batches, facts, latency } = sample;
  const counts = [t, requests, errors, numbers, batches, facts];
  return counts.every(Number.isFinite) && spanMs > 0 && Array.isArray(latency);
}

function isEvent({ id, category, at }: LiveEvent): boolean {
  return typeof id === 'string' && typeof category === 'string' && Number.isFinite(at);
}

/** What is looked into when all nodes' statuses are put together. */
function isStatus({ problems, ledger, restoreGuard, numbers }: NodeStatus): boolean {
  const parts = isObject(ledger) && isObject(restoreGuard) && (numbers === null || isObject(numbers));
  return parts && isList(problems, problem => typeof problem === 'string');
}

function isSamples(samples: LiveSamples): boolean {
  return COLUMNS.every(name => Array.isArray(samples[name])) && samples.t.every(Number.isFinite);
}

function isList<T>(list: readonly T[], isOne: (item: T) => boolean): boolean {
  return Array.isArray(list) && list.every(isOne);
}

function isObject(value: object | null): boolean {
  return typeof value === 'object' && value !== null;
}
