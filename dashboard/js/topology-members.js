// etcd's members.

import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { bytes, count } from './format.js';
import { icon } from './icons.js';
import { createShape, setShape } from './topology-node.js';

const parts = new WeakMap();

export function createMembersTable() {
  const body = el('tbody', { 'data-testid': 'members' });
  const sync = keyedList(body, { key: member => member.endpoint, make, update });
  const element = el('div', { class: 'members' }, [
    el('h3', { id: 'members-title' }, 'etcd members'),
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'members-title' }, [
      el('table', { 'aria-labelledby': 'members-title' }, [
        el(
          'thead',
          null,
          el(
            'tr',
            null,
            [
              ['member', ''],
              ['state', ''],
              ['version', ''],
              ['database', 'num'],
              ['term', 'num'],
            ].map(([name, kind]) => el('th', { scope: 'col', class: kind || undefined }, name)),
          ),
        ),
        body,
      ]),
    ]),
  ]);
  return {
    element,
    show: members =>
      sync([...members].sort((a, b) => a.endpoint.localeCompare(b.endpoint, 'en', { numeric: true }))),
  };
}

function make({ endpoint }) {
  const shape = createShape();
  const state = el('span');
  const leader = el('span', { class: 'badge', 'data-tone': 'info' }, [icon('star'), 'leader']);
  const version = el('td');
  const database = el('td', { class: 'num' });
  const term = el('td', { class: 'num' });
  const row = el('tr', { 'data-testid': 'member', 'data-member': endpoint }, [
    el('th', { scope: 'row', class: 'mono' }, endpoint.replace(/^https?:\/\//, '')),
    el('td', null, el('span', { class: 'member-state' }, [shape, state, leader])),
    version,
    database,
    term,
  ]);
  parts.set(row, { shape, state, leader, version, database, term });
  return row;
}

function update(row, member) {
  const part = parts.get(row);
  setAttr(row, 'data-state', member.healthy ? 'serving' : 'gone');
  setShape(part.shape, member.healthy ? 'serving' : 'gone');
  setText(part.state, member.healthy ? 'healthy' : (member.error ?? 'has no leader'));
  setHidden(part.leader, member.leader !== true);
  setText(part.version, member.version ?? '–');
  setText(part.database, bytes(member.databaseBytes));
  setText(part.term, count(member.raftTerm));
}
