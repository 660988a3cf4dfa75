import { setTimeout as sleep } from 'node:timers/promises';
import { sharedNowMs } from './shared-clock.mjs';

/** @typedef {import('../../../scripts/lib/etcd-member.mjs').EtcdMember} EtcdMember */

const POLL_MS = 10;
const TIMEOUT_MS = 20_000;

/**
 * @param {EtcdMember} member
 * @returns {Promise<{ id: string, leader: string, term: number } | undefined>} undefined when it does not answer;
 *   `leader` is the leader's id, empty while there is none
 */
async function readStatus(member) {
  try {
    const answer = await fetch(`${member.clientUrl}/v3/maintenance/status`, {
      method: 'POST',
      body: '{}',
      signal: AbortSignal.timeout(1_000),
    });
    const { header, leader = '0', raftTerm } = /** @type {any} */ (await answer.json());
    return { id: header.member_id, leader: leader === '0' ? '' : leader, term: Number(raftTerm) };
  } catch {
    return undefined;
  }
}

/**
 * @param {readonly EtcdMember[]} members
 * @returns {Promise<{ member: EtcdMember, term: number }>} who leads etcd now
 * @throws when nobody does for long
 */
export async function findEtcdLeader(members) {
  const deadline = sharedNowMs() + TIMEOUT_MS;
  while (sharedNowMs() < deadline) {
    for (const member of members) {
      const status = await readStatus(member);
      if (status !== undefined && status.id === status.leader) return { member, term: status.term };
    }
    await sleep(POLL_MS);
  }
  throw new Error('etcd has no leader');
}

/**
 * Waits for the leader of a later term.
 *
 * @param {readonly EtcdMember[]} members those alive
 * @param {number} term
 * @returns {Promise<number>} when it was first seen, on the shared clock
 */
export async function nextEtcdLeaderAt(members, term) {
  const deadline = sharedNowMs() + TIMEOUT_MS;
  while (sharedNowMs() < deadline) {
    const seen = await Promise.all(members.map(readStatus));
    if (seen.some(status => status !== undefined && status.term > term && status.leader !== ''))
      return sharedNowMs();
    await sleep(POLL_MS);
  }
  throw new Error('etcd elected no new leader');
}
