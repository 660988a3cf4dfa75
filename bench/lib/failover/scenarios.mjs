import { setTimeout as sleep } from 'node:timers/promises';
import { findEtcdLeader, nextEtcdLeaderAt } from './etcd-leader.mjs';
import { sharedNowMs } from './shared-clock.mjs';

/** @typedef {import('../../../scripts/lib/seqd-process.mjs').SeqdProcess} SeqdProcess */
/** @typedef {import('../servers/seqd-nodes.mjs').SeqdNodes} SeqdNodes */
/** @typedef {import('../../../scripts/lib/etcd-cluster.mjs').EtcdCluster} EtcdCluster */
/** @typedef {import('./gaps.mjs').Window} Window */

/**
 * @typedef {object} Fault what was done, and whom it must not be noticed by
 * @property {(Window & { down: readonly string[] })[]} windows when to look at all nodes but those that were `down`
 * @property {number} [electionMs] how long etcd took to elect a leader
 */

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {number} floorMs the longest gap that is good enough
 * @property {number} aimMs the longest gap aimed at; after an etcd election, on top of it
 * @property {(nodes: SeqdNodes) => Promise<SeqdProcess | undefined>} victim the node that it happens to, if one
 * @property {(cluster: { nodes: SeqdNodes, etcd: EtcdCluster, victim: SeqdProcess | undefined }) => Promise<Fault>} inflict
 *   does it, under traffic; afterwards everything runs again
 */

/** A leader's lease lives 3 s: whatever follows from its end must have shown by then. */
const AFTER_KILL_MS = 5_000;
const PAUSE_MS = 6_000;
const AFTER_RESUME_MS = 2_000;
const ETCD_DOWN_MS = 3_000;
const SETTLE_MS = 500;
const STOP_GRACE_MS = 15_000;

/** @param {SeqdNodes} nodes */
const theLeader = nodes => nodes.leader();
/** @returns {Promise<undefined>} */
const nobody = () => Promise.resolve(undefined);

/** @type {readonly Scenario[]} */
export const SCENARIOS = [
  {
    name: 'leader-killed',
    title: 'leader node killed (−9)',
    floorMs: 500,
    aimMs: 100,
    victim: theLeader,
    inflict: ({ victim }) => killNode(given(victim)),
  },
  {
    name: 'leader-paused',
    title: `leader node paused for ${PAUSE_MS / 1000} s`,
    floorMs: 1_000,
    aimMs: 300,
    victim: theLeader,
    inflict: ({ victim }) => pauseNode(given(victim)),
  },
  {
    name: 'rolling-restart',
    title: 'all nodes restarted in turn',
    floorMs: 300,
    aimMs: 50,
    victim: nobody,
    inflict: ({ nodes }) => restartInTurn(nodes.nodes),
  },
  {
    name: 'etcd-leader-killed',
    title: 'etcd leader killed (−9)',
    floorMs: 2_500,
    aimMs: 300,
    victim: nobody,
    inflict: ({ etcd }) => killEtcdLeader(etcd),
  },
];

/** @param {SeqdProcess} node @returns {Promise<Fault>} */
async function killNode(node) {
  const fromMs = sharedNowMs();
  await node.kill();
  await sleep(AFTER_KILL_MS);
  const toMs = sharedNowMs();
  await node.start();
  await node.ready();
  return { windows: [{ fromMs, toMs, down: [node.url] }] };
}

/** @param {SeqdProcess} node @returns {Promise<Fault>} */
async function pauseNode(node) {
  const fromMs = sharedNowMs();
  node.pause();
  await sleep(PAUSE_MS);
  node.resume();
  await sleep(AFTER_RESUME_MS);
  const toMs = sharedNowMs();
  await node.ready();
  return { windows: [{ fromMs, toMs, down: [node.url] }] };
}

/** @param {readonly SeqdProcess[]} nodes @returns {Promise<Fault>} */
async function restartInTurn(nodes) {
  const windows = [];
  for (const node of nodes) {
    const fromMs = sharedNowMs();
    await node.stop({ graceMs: STOP_GRACE_MS });
    await node.start();
    await node.ready();
    await sleep(SETTLE_MS);
    windows.push({ fromMs, toMs: sharedNowMs(), down: [node.url] });
  }
  return { windows };
}

/** @param {EtcdCluster} etcd @returns {Promise<Fault>} */
async function killEtcdLeader(etcd) {
  const { member, term } = await findEtcdLeader(etcd.members);
  const others = etcd.members.filter(other => other !== member);
  const fromMs = sharedNowMs();
  const [electedAtMs] = await Promise.all([nextEtcdLeaderAt(others, term), member.kill()]);
  await sleep(ETCD_DOWN_MS);
  await member.start();
  await etcd.ready();
  await sleep(SETTLE_MS);
  return { windows: [{ fromMs, toMs: sharedNowMs(), down: [] }], electionMs: electedAtMs - fromMs };
}

/** @param {SeqdProcess | undefined} victim @returns {SeqdProcess} */
function given(victim) {
  if (victim === undefined) throw new Error('this scenario needs a victim');
  return victim;
}
