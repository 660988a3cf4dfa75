// Who holds the numbers: rows of the table, by site, partition or type.

import { percent } from './format.js';

/**
 * @typedef {import('../../src/server/live/live-protocol.ts').LiveOwners} LiveOwners
 * @typedef {import('../../src/server/live/live-protocol.ts').OwnerTally} OwnerTally
 * @typedef {{ value: number, text: string, part: number }} Cell `text` is the percentage, `part` the length of the bar from 0 to 1
 * @typedef {{ name: string, issued: Cell, drawn: Cell, released: Cell }} Row
 */

/**
 * What to group by. `id` is what the address says.
 *
 * @typedef {{ id: string, label: string, column: keyof LiveOwners }} Grouping
 * @type {readonly [Grouping, ...Grouping[]]}
 */
export const GROUPINGS = [
  { id: 'site', label: 'Site', column: 'bySite' },
  { id: 'partition', label: 'Partition', column: 'byPartition' },
  { id: 'type', label: 'Type', column: 'byType' },
];

/**
 * The grouping that an address names; the first one when it names none.
 *
 * @param {string | null | undefined} id
 */
export function groupingOf(id) {
  return GROUPINGS.find(grouping => grouping.id === id) ?? GROUPINGS[0];
}

/**
 * Rows in the order of their names, so that none jumps while numbers change, and their sum. Issued and drawn are parts of all
 * that were; released is a part of what the same owner has drawn.
 *
 * @param {Readonly<Record<string, OwnerTally>>} tallies
 * @returns {{ rows: Row[], sum: { issued: number, drawn: number, released: number } }}
 */
export function rowsOf(tallies) {
  const entries = Object.entries(tallies).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const sum = { issued: 0, drawn: 0, released: 0 };
  for (const [, tally] of entries) {
    sum.issued += tally.issued;
    sum.drawn += tally.drawn;
    sum.released += tally.released;
  }
  const rows = entries.map(([name, { issued, drawn, released }]) => ({
    name,
    issued: cellOf(issued, sum.issued),
    drawn: cellOf(drawn, sum.drawn),
    released: cellOf(released, drawn),
  }));
  return { rows, sum };
}

/**
 * @param {number} value
 * @param {number} whole
 * @returns {Cell}
 */
function cellOf(value, whole) {
  return { value, text: percent(value, whole), part: whole === 0 ? 0 : Math.min(1, value / whole) };
}
