// etcd's members; a row is a template in index.html.

import { copyOf, keyedList, partsOf, setAttr, setHidden, setText } from './dom.js';
import { bytes, count, UNKNOWN } from './format.js';
import { setShape } from './topology-node.js';
import { describeBehind } from './topology-view.js';

/** A function that shows members in the body of a table. */
export function createMembersTable(body) {
  const sync = keyedList(body, { key: member => member.endpoint, make: () => copyOf('member-row'), update });
  return members =>
    sync([...members].sort((a, b) => a.endpoint.localeCompare(b.endpoint, 'en', { numeric: true })));
}

function update(row, member) {
  const part = partsOf(row);
  const state = member.healthy ? 'serving' : 'gone';
  setAttr(row, 'data-member', member.endpoint);
  setAttr(row, 'data-state', state);
  setShape(part.shape, state);
  setText(part.endpoint, member.endpoint.replace(/^https?:\/\//, ''));
  setText(part.state, member.healthy ? 'healthy' : (member.error ?? 'has no leader'));
  setHidden(part['is-leader'], member.leader !== true);
  setText(part.revision, count(member.revision));
  setText(part.behind, describeBehind(member));
  setText(part.database, bytes(member.databaseBytes));
  setText(part.term, count(member.raftTerm));
  setText(part.version, member.version ?? UNKNOWN);
}
