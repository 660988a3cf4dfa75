// Sites, partitions and nodes; the leader; etcd's members; the ledger. Each state has a shape and a word.

import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { count, duration, plural } from './format.js';
import { icon } from './icons.js';
import { createLedgerCard } from './topology-ledger.js';
import { createMembersTable } from './topology-members.js';
import { makeNode, updateNode } from './topology-node.js';

const AGE_INTERVAL_MS = 1_000;

export function mount(section, { store }) {
  const summary = el('span', { class: 'badge', 'data-testid': 'nodes-summary' });
  const leader = createLeaderLine();
  const sites = el('ul', { class: 'sites', 'data-testid': 'sites' });
  const members = createMembersTable();
  const ledger = createLedgerCard();
  section.append(
    el('div', { class: 'panel-tools' }, summary),
    leader.element,
    sites,
    el('div', { class: 'below-sites' }, [members.element, ledger.element]),
  );
  const syncSites = keyedList(sites, { key: site => site.id, make: makeSite, update: updateSite });

  store.on(['nodes', 'vocabulary'], () => {
    const { nodes, vocabulary } = store.view;
    syncSites(arrange(nodes, vocabulary.sites));
    const serving = nodes.filter(node => node.state === 'serving').length;
    setText(summary, `${count(serving)} of ${plural(nodes.length, 'node')} serving`);
    setAttr(summary, 'data-tone', serving === nodes.length && serving > 0 ? 'good' : 'warn');
  });
  store.on(['leader', 'numbers'], () => leader.show(store));
  store.on('members', () => members.show(store.view.members));
  store.on(['ledger', 'restoreGuard'], () => ledger.show(store.view));
  setInterval(() => {
    if (!document.hidden && store.view !== undefined) leader.show(store);
  }, AGE_INTERVAL_MS);
}

/** Sites in the configuration's order, then those that only nodes name; each with its partitions and their nodes. */
function arrange(nodes, configured) {
  const sites = new Map(
    configured.map(({ id, partitions }) => [
      id,
      { id, partitions: new Map(partitions.map(name => [name, { id: name, nodes: [] }])) },
    ]),
  );
  const byName = [...nodes].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  for (const node of byName) {
    const site = sites.get(node.site) ?? { id: node.site, partitions: new Map() };
    sites.set(node.site, site);
    const partition = site.partitions.get(node.partition) ?? { id: node.partition, nodes: [] };
    site.partitions.set(node.partition, partition);
    partition.nodes.push(node);
  }
  return [...sites.values()].map(site => ({ id: site.id, partitions: [...site.partitions.values()] }));
}

const syncs = new WeakMap();

function makeSite({ id }) {
  const partitions = el('ul', { class: 'partitions' });
  const item = el('li', { class: 'site', 'data-site': id }, [
    el('h3', null, [el('span', { class: 'muted' }, 'Site '), id]),
    partitions,
  ]);
  syncs.set(
    item,
    keyedList(partitions, { key: partition => partition.id, make: makePartition, update: updatePartition }),
  );
  return item;
}

function updateSite(item, { partitions }) {
  syncs.get(item)(partitions);
}

function makePartition({ id }) {
  const nodes = el('ul', { class: 'nodes' });
  const none = el('p', { class: 'muted small' }, 'No node.');
  const item = el('li', { class: 'partition', 'data-partition': id }, [
    el('h4', null, [el('span', { class: 'muted' }, 'Partition '), id]),
    nodes,
    none,
  ]);
  const sync = keyedList(nodes, { key: node => node.id, make: makeNode, update: updateNode });
  syncs.set(item, list => {
    sync(list);
    setHidden(none, list.length > 0);
    setHidden(nodes, list.length === 0);
  });
  return item;
}

function updatePartition(item, { nodes }) {
  syncs.get(item)(nodes);
}

function createLeaderLine() {
  const name = el('b', { 'data-testid': 'leader' }, '–');
  const rest = el('span', { class: 'muted' });
  return {
    element: el('p', { class: 'leader-line' }, [
      icon('star'),
      el('span', { class: 'muted' }, 'Leader'),
      name,
      rest,
    ]),
    show(store) {
      const { leader, numbers } = store.view;
      setText(name, leader?.node ?? 'none');
      setText(
        rest,
        leader === null
          ? 'or not known; without one each node commits by itself, as long as etcd has its quorum'
          : `epoch ${leader.epoch}, for ${duration(store.now() - leader.since)}, at revision ${count(numbers.revision)}`,
      );
    },
  };
}
