// Sites, partitions and nodes; the leader; etcd's members; the ledger. Each state has a shape and a word.
// The frame of it stands in index.html.

import { copyOf, keyedList, partsOf, setAttr, setHidden, setText } from './dom.js';
import { count, duration, plural } from './format.js';
import { showLedger } from './topology-ledger.js';
import { createMembersTable } from './topology-members.js';
import { makeNode, updateNode } from './topology-node.js';
import { arrange } from './topology-view.js';

export function mount(section, { store }) {
  const part = partsOf(section);
  const syncSites = keyedList(part.sites, { key: byId, make: makeSite, update: updateGroup });
  const showMembers = createMembersTable(part.members);

  store.on(['nodes', 'vocabulary'], () => {
    const { nodes, vocabulary } = store.view;
    syncSites(arrange(nodes, vocabulary.sites));
    const serving = nodes.filter(node => node.state === 'serving').length;
    setText(part['nodes-summary'], `${count(serving)} of ${plural(nodes.length, 'node')} serving`);
    const tone = serving === 0 ? 'bad' : serving < nodes.length ? 'warn' : 'good';
    setAttr(part['nodes-summary'], 'data-tone', tone);
  });
  store.on(['leader', 'numbers', 'second'], () => {
    const { leader, numbers } = store.view;
    setText(part.leader, leader?.node ?? 'none');
    setText(
      part['leader-since'],
      leader === null
        ? 'or not known; without one each node commits by itself, as long as etcd has its quorum'
        : `epoch ${leader.epoch}, for ${duration(store.now() - leader.since)}, at revision ${count(numbers.revision)}`,
    );
  });
  store.on('members', () => showMembers(store.view.members));
  store.on(['ledger', 'restoreGuard'], () => showLedger(part, store.view));
}

const byId = ({ id }) => id;
/** What keeps the list within a site or a partition in step. */
const syncs = new WeakMap();

function makeSite({ id }) {
  return makeGroup('site', id, { make: makePartition, update: updateGroup });
}

function makePartition({ id }) {
  return makeGroup('partition', id, { make: makeNode, update: updateNode });
}

function makeGroup(kind, id, items) {
  const item = copyOf(`${kind}-card`);
  const { name, list } = partsOf(item);
  setText(name, id);
  setAttr(item, `data-${kind}`, id);
  syncs.set(item, keyedList(list, { key: byId, ...items }));
  return item;
}

function updateGroup(item, { items }) {
  syncs.get(item)(items);
  const { list, none } = partsOf(item);
  setHidden(list, items.length === 0);
  setHidden(none, items.length > 0);
}
