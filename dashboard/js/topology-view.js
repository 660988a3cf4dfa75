// What the topology shows, as data. No DOM in here.

import { plural, UNKNOWN } from './format.js';

/** @typedef {import('../../src/server/live/live-protocol.ts').LiveNode} LiveNode */
/** @typedef {import('../../src/store/etcd/etcd-status.ts').EtcdMemberStatus} EtcdMemberStatus */

/**
 * A site with its partitions, or a partition with its nodes.
 *
 * @template T
 * @typedef {{ id: string, items: T[] }} Group
 */

/**
 * Sites and their partitions in the configuration's order, then those that only nodes name; nodes by name.
 *
 * @param {readonly LiveNode[]} nodes
 * @param {readonly { id: string, partitions: readonly string[] }[]} configured
 * @returns {Group<Group<LiveNode>>[]}
 */
export function arrange(nodes, configured) {
  /** @type {Group<Group<LiveNode>>[]} */
  const sites = [];
  /** @param {string} site @param {string} partition */
  const partitionOf = (site, partition) => groupOf(groupOf(sites, site).items, partition);
  for (const { id, partitions } of configured) for (const name of partitions) partitionOf(id, name);
  const byName = [...nodes].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  for (const node of byName) partitionOf(node.site, node.partition).items.push(node);
  return sites;
}

/**
 * The one of that name, which is made where there is none.
 *
 * @template T
 * @param {Group<T>[]} groups
 * @param {string} id
 */
function groupOf(groups, id) {
  const known = groups.find(group => group.id === id);
  if (known !== undefined) return known;
  /** @type {Group<T>} */
  const made = { id, items: [] };
  groups.push(made);
  return made;
}

/**
 * How far a member is behind the newest revision that any of them has.
 *
 * @param {Pick<EtcdMemberStatus, 'behindRevisions'>} member
 */
export function describeBehind({ behindRevisions: behind }) {
  if (behind === undefined) return UNKNOWN;
  return behind === 0 ? 'up to date' : plural(behind, 'revision');
}
