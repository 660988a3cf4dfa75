/** @typedef {{ id: string, site: string, partition: string, port: number, url: string }} NodePlan */
/** @typedef {{ nodes: NodePlan[], etcdClientPorts: number[], etcdPeerPorts: number[] }} PocPlan */

export const NODES_MAX = 8;
export const FIRST_PORT_DEFAULT = 8_080;

const ETCD_MEMBERS = 3;
/** Ports of etcd follow the first node's: 12379, 12389, 12399 for clients with the default of 8080. */
const ETCD_PORT_OFFSET = 12_379 - FIRST_PORT_DEFAULT;
const ETCD_PORT_STEP = 10;
const HIGHEST_PORT = 65_535;

/** The highest first port with which etcd's ports still exist. */
export const FIRST_PORT_MAX = HIGHEST_PORT - ETCD_PORT_OFFSET - ETCD_PORT_STEP * (ETCD_MEMBERS - 1) - 1;

/** What the ha-poc profile knows; nodes take these places in turn. */
const PLACES = Object.freeze(
  ['site-1', 'site-2'].flatMap(site =>
    ['partition-a', 'partition-b'].map(partition => ({ site, partition })),
  ),
);

/**
 * Decides who runs where. Nodes beyond the fourth share a site and partition with an earlier one and get a
 * suffix: `site-1-partition-a-2`.
 *
 * @param {{ port: number, nodes: number }} wanted first port, number of nodes
 * @returns {PocPlan}
 */
export function planPoc({ port, nodes }) {
  const etcdPort = port + ETCD_PORT_OFFSET;
  const members = Array.from({ length: ETCD_MEMBERS }, (_, index) => etcdPort + ETCD_PORT_STEP * index);
  return {
    nodes: Array.from({ length: nodes }, (_, index) => planNode(index, port + index)),
    etcdClientPorts: members,
    etcdPeerPorts: members.map(member => member + 1),
  };
}

/**
 * @param {number} index
 * @param {number} port
 * @returns {NodePlan}
 */
function planNode(index, port) {
  const place = PLACES[index % PLACES.length];
  if (place === undefined) throw new Error(`no place for node ${index}`);
  const round = Math.floor(index / PLACES.length) + 1;
  const id = `${place.site}-${place.partition}${round > 1 ? `-${round}` : ''}`;
  return { id, ...place, port, url: `http://127.0.0.1:${port}` };
}
