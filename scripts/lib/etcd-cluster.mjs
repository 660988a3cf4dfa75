import { randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdMember } from './etcd-member.mjs';
import { describeBusyPorts, findBusyPorts, findFreePorts } from './ports.mjs';

/** @typedef {import('./etcd-member.mjs').MemberPlan} MemberPlan */
/** @typedef {{ token: string, members: MemberPlan[] }} ClusterPlan written to `cluster.json` */

/**
 * @typedef {object} EtcdClusterOptions
 * @property {string} bin the etcd program
 * @property {string} dataDir everything the cluster writes is in here; members found in it are continued
 * @property {number} [members] default 3
 * @property {readonly number[]} [clientPorts] one per member; default: free ones
 * @property {readonly number[]} [peerPorts] one per member; default: free ones
 * @property {string} [logDir] where the members' logs go, `<name>.log`; default: dataDir
 * @property {(line: string) => void} [log]
 * @property {readonly string[]} [extraArgs] flags for every member, overriding ours
 */

const READY_TIMEOUT_MS = 60_000;
/**
 * When all members stop, the leader waits seconds for a successor that cannot come. Nothing is lost by
 * cutting that short: what etcd has acknowledged is on disk.
 */
const STOP_GRACE_MS = 1_000;
const PLAN_FILE = 'cluster.json';

/**
 * Starts an etcd cluster of our own on this machine and returns at once; await `ready()` before use.
 *
 * It touches no other etcd: own ports, own data, own cluster token. A data folder used before keeps the
 * ports it was created with, because etcd stores the members' addresses in its data.
 *
 * @param {EtcdClusterOptions} options
 * @returns {Promise<EtcdCluster>} to be closed by the caller
 * @throws when a wanted port is busy (named), or the program cannot be run
 */
export async function startEtcdCluster(options) {
  const { bin, dataDir, logDir = dataDir, extraArgs = [], log = () => {} } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const kept = await readPlan(dataDir);
  const plan = kept ?? (await makePlan(options));
  const wanted = options.clientPorts;
  if (wanted !== undefined && plan.members.some((member, index) => member.clientPort !== wanted[index]))
    log(`etcd keeps the ports of its data in ${dataDir}`);

  const busy = await findBusyPorts(plan.members.flatMap(member => [member.clientPort, member.peerPort]));
  if (busy.length > 0) {
    const bound = kept === undefined ? '' : `, and the data in ${dataDir} is bound to it`;
    throw new Error(`cannot start etcd: ${describeBusyPorts(busy)}${bound}`);
  }
  // Only now: a folder without members must not be bound to ports that do not work.
  if (kept === undefined) await writePlan(dataDir, plan);
  const members = plan.members.map(
    member =>
      new EtcdMember({ bin, dataDir, logDir, token: plan.token, plan: member, all: plan.members, extraArgs }),
  );
  const cluster = new EtcdCluster(dataDir, members);
  try {
    await Promise.all(members.map(member => member.start()));
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

/**
 * Deletes what `startEtcdCluster` has written in its data folder, and nothing else that somebody may have put there.
 *
 * @param {string} dataDir
 */
export async function deleteEtcdCluster(dataDir) {
  const plan = await readPlan(dataDir);
  if (plan === undefined) return;
  for (const { name } of plan.members) await rm(join(dataDir, name), { recursive: true, force: true });
  await rm(join(dataDir, PLAN_FILE), { force: true });
}

/** A running cluster. Only processes that it started itself are ever signalled. */
export class EtcdCluster {
  /** @type {(() => Promise<void>)[]} */
  #afterClose = [];

  /**
   * @param {string} dataDir
   * @param {readonly EtcdMember[]} members
   */
  constructor(dataDir, members) {
    this.dataDir = dataDir;
    this.members = members;
    /** Client URLs of all members, `http://127.0.0.1:PORT`. */
    this.endpoints = members.map(member => member.clientUrl);
  }

  /**
   * Waits until every member serves.
   *
   * @param {{ timeoutMs?: number }} [options]
   * @throws with the end of the member's log when one has ended or does not serve in time
   */
  async ready({ timeoutMs = READY_TIMEOUT_MS } = {}) {
    const deadline = performance.now() + timeoutMs;
    await Promise.all(this.members.map(member => waitUntilHealthy(member, deadline)));
  }

  /**
   * Copies the data of all members, as an operator's cold backup would: the cluster is stopped for it, and
   * ready again on return.
   *
   * @param {string} toDir
   */
  async backup(toDir) {
    await this.#whileStopped(async () => {
      await rm(toDir, { recursive: true, force: true });
      await Promise.all(
        this.members.map(member => cp(member.dataDir, join(toDir, member.name), { recursive: true })),
      );
    });
  }

  /**
   * Puts back what `backup` saved; everything written since is gone. Ready again on return.
   *
   * @param {string} fromDir
   */
  async restore(fromDir) {
    await this.#whileStopped(async () => {
      for (const member of this.members) {
        await rm(member.dataDir, { recursive: true, force: true });
        await cp(join(fromDir, member.name), member.dataDir, { recursive: true });
      }
    });
  }

  /** Ends all members, paused ones too, and returns when they are gone. Their data stays. Idempotent. */
  async close() {
    await this.#stopMembers();
    for (const work of this.#afterClose.splice(0)) await work();
  }

  /**
   * Has something done when the cluster is closed, such as deleting its data.
   *
   * @param {() => Promise<void>} work
   */
  onClosed(work) {
    this.#afterClose.push(work);
  }

  async #stopMembers() {
    await Promise.all(this.members.map(member => member.stop({ graceMs: STOP_GRACE_MS })));
  }

  /** @param {() => Promise<void>} work */
  async #whileStopped(work) {
    await this.#stopMembers();
    await work();
    await Promise.all(this.members.map(member => member.start()));
    await this.ready();
  }
}

/**
 * @param {EtcdMember} member
 * @param {number} deadline on the monotonic clock, milliseconds
 */
async function waitUntilHealthy(member, deadline) {
  while (!(await member.healthy())) {
    const problem = member.alive ? 'does not serve in time' : 'has ended';
    if (!member.alive || performance.now() > deadline)
      throw new Error(`etcd member ${member.name} ${problem}; its log ends:\n${member.tail()}`);
    await sleep(50);
  }
}

/**
 * @param {EtcdClusterOptions} options
 * @returns {Promise<ClusterPlan>}
 */
async function makePlan({ members = 3, clientPorts, peerPorts }) {
  const free = await findFreePorts(2 * members);
  return {
    token: `seqd-${randomUUID()}`,
    members: Array.from({ length: members }, (_, index) => ({
      name: `etcd-${index + 1}`,
      clientPort: clientPorts?.[index] ?? free[2 * index] ?? 0,
      peerPort: peerPorts?.[index] ?? free[2 * index + 1] ?? 0,
    })),
  };
}

/**
 * @param {string} dataDir
 * @returns {Promise<ClusterPlan | undefined>}
 */
async function readPlan(dataDir) {
  const text = await readFile(join(dataDir, PLAN_FILE), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : /** @type {ClusterPlan} */ (JSON.parse(text));
}

/**
 * @param {string} dataDir
 * @param {ClusterPlan} plan
 */
async function writePlan(dataDir, plan) {
  await writeFile(join(dataDir, PLAN_FILE), `${JSON.stringify(plan, undefined, 2)}\n`);
}
