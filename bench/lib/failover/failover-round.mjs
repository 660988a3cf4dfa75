import { setTimeout as sleep } from 'node:timers/promises';
import { longestGapMs } from './gaps.mjs';
import { sharedNowMs } from './shared-clock.mjs';

/** @typedef {import('./scenarios.mjs').Scenario} Scenario */
/** @typedef {import('./traffic.mjs').TrafficResult} TrafficResult */

/**
 * @typedef {object} FailoverRound
 * @property {number} gapMs the longest that a client of a surviving node went without a number
 * @property {number} quietGapMs the same before anything was done: what this machine takes anyway
 * @property {number} longestWaitMs of a caller who follows the retry rule and asks surviving nodes
 * @property {number} [electionMs] how long etcd took to elect a leader
 */

const WARMUP_MS = 500;
const QUIET_MS = 1_000;

/**
 * One fault under traffic.
 *
 * @param {Scenario} scenario
 * @param {{ nodes: import('../servers/seqd-nodes.mjs').SeqdNodes, etcd: import('../../../scripts/lib/etcd-cluster.mjs').EtcdCluster, traffic: import('./traffic.mjs').Traffic }} cluster
 * @returns {Promise<{ round: FailoverRound, result: TrafficResult }>}
 */
export async function runFailoverRound(scenario, { nodes, etcd, traffic }) {
  await nodes.leader();
  const victim = await scenario.victim(nodes);
  const urls = nodes.nodes.map(node => node.url);
  await traffic.start({ urls, survivors: urls.filter(url => url !== victim?.url) });
  await sleep(WARMUP_MS);
  const quietFromMs = sharedNowMs();
  await sleep(QUIET_MS);
  const quiet = { fromMs: quietFromMs, toMs: sharedNowMs(), down: [] };
  const { windows, electionMs } = await scenario.inflict({ nodes, etcd, victim });
  const result = await traffic.stop();
  const round = {
    gapMs: Math.max(...windows.map(window => gapSeen(result, window))),
    quietGapMs: gapSeen(result, quiet),
    longestWaitMs: result.longestWaitMs,
    ...(electionMs === undefined ? {} : { electionMs }),
  };
  return { round, result };
}

/**
 * The longest gap of any client of a node that was not down.
 *
 * @param {Pick<TrafficResult, 'probes'>} result
 * @param {import('./gaps.mjs').Window & { down: readonly string[] }} window
 * @returns {number} milliseconds
 */
export function gapSeen({ probes }, window) {
  const gaps = probes
    .filter(({ url }) => !window.down.includes(url))
    .map(({ successesMs }) => longestGapMs(successesMs, window));
  return Math.max(...gaps);
}
