// Questions for the audit trail (GET /api/v1/audit) as addresses. Knows nothing of the page.

import { range } from './format.js';

export const AUDIT_PATH = '/api/v1/audit';

/** Rows of a page. */
export const AUDIT_PAGE = 50;

/** Filters in the API's own names, in the order in which links have them. */
export const AUDIT_FILTERS = /** @type {const} */ ([
  'number',
  'kind',
  'siteId',
  'partitionId',
  'invoiceType',
  'reference',
  'clientId',
  'idempotencyKey',
  'from',
  'to',
]);

/**
 * What is empty does not filter. Pages have the newest first, unless `order` is `asc`; a file always begins with the oldest.
 *
 * @typedef {{ [K in typeof AUDIT_FILTERS[number]]?: string } & { order?: 'asc' }} AuditFilters
 */

/** Kinds of rows, as the API knows them. @type {readonly (string | readonly [string, string])[]} */
export const AUDIT_KINDS = [
  ['', 'All kinds'],
  'issue',
  'block',
  'release',
  'void',
  'reserve',
  'confirm',
  'cancel',
  'expire',
  'raise',
  'import',
  'adopt',
  'retire',
];

/** What comes first on a page. @type {readonly (readonly [string, string])[]} */
export const AUDIT_ORDERS = [
  ['', 'Newest first'],
  ['asc', 'Oldest first'],
];

/** Stretches of time up to now, in milliseconds. @type {readonly (readonly [string, string, number])[]} */
export const AUDIT_TIMES = [
  ['', 'Any time', 0],
  ['1m', 'Last minute', 60_000],
  ['15m', 'Last 15 minutes', 900_000],
  ['1h', 'Last hour', 3_600_000],
  ['1d', 'Last 24 hours', 86_400_000],
];

/**
 * The filters as they are in a link: the API's own query without paging.
 *
 * @param {AuditFilters} filters
 * @returns {string} empty without filters
 */
export function auditLink(filters) {
  const query = new URLSearchParams();
  for (const name of AUDIT_FILTERS) {
    const value = filters[name]?.trim() ?? '';
    if (value !== '') query.set(name, value);
  }
  if (filters.order === 'asc') query.set('order', 'asc');
  return query.toString();
}

/**
 * The reverse of {@link auditLink}; what is not a filter is passed over.
 *
 * @param {string | null | undefined} link
 * @returns {AuditFilters}
 */
export function auditFilters(link) {
  const query = new URLSearchParams(link ?? '');
  /** @type {AuditFilters} */
  const filters = {};
  for (const name of AUDIT_FILTERS) {
    const value = query.get(name)?.trim() ?? '';
    if (value !== '') filters[name] = value;
  }
  if (query.get('order') === 'asc') filters.order = 'asc';
  return filters;
}

/**
 * The address of a page.
 *
 * @param {AuditFilters} filters
 * @param {string | null} cursor the `next` of the page before
 */
export function auditPagePath(filters, cursor) {
  const { order = 'desc' } = filters;
  return withQuery(filters, {
    order,
    limit: String(AUDIT_PAGE),
    ...(cursor === null ? {} : { cursor }),
  });
}

/**
 * The address of an export of everything that the filters take.
 *
 * @param {AuditFilters} filters
 * @param {'csv' | 'json'} format
 */
export function auditExportPath(filters, format) {
  return withQuery(filters, { format });
}

/**
 * @param {AuditFilters} filters
 * @param {Record<string, string>} more
 */
function withQuery({ order: _order, ...filters }, more) {
  const query = new URLSearchParams(auditLink(filters));
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  return `${AUDIT_PATH}?${query}`;
}

/**
 * What is wrong with filters that would be refused, by field; what cannot be told here, the node tells.
 *
 * @param {AuditFilters} filters
 * @returns {{ field: string, text: string } | undefined}
 */
export function auditMistake({ number, from, to }) {
  const range = /^\s*(\d{1,16})\s*(?:[-–]\s*(\d{1,16})\s*)?$/.exec(number ?? '1');
  if (range === null || Number(range[1]) < 1 || Number(range[2] ?? range[1]) < Number(range[1]))
    return { field: 'number', text: 'A number, or a range such as 4711-4720.' };
  if (from !== undefined && to !== undefined && Date.parse(from) >= Date.parse(to))
    return { field: 'to', text: 'The end must be later than the beginning.' };
  return undefined;
}

/**
 * The range as the API wants it: no blanks, a plain hyphen.
 *
 * @param {string} text
 */
export function plainRange(text) {
  return text.replaceAll(/\s/g, '').replace('–', '-');
}

/**
 * How far the rows can be trusted to be all there are.
 *
 * @param {Record<string, any>} page
 * @returns {{ tone: 'good' | 'warn' | 'bad', text: string }}
 */
export function auditReach(page) {
  const { complete, from, problem, ledger, journal } = page;
  if (problem !== undefined) return { tone: 'bad', text: `Not complete: ${problem}.` };
  const source =
    ledger === null
      ? `No ledger: from etcd’s journal alone, up to batch ${journal.batch}`
      : `From the ledger up to batch ${ledger.batch}` +
        (journal.batch > ledger.batch ? `, and etcd’s journal up to batch ${journal.batch}` : '');
  if (complete === true) return { tone: 'good', text: `${source}. Complete.` };
  return {
    tone: 'warn',
    text: `${source}. Not complete: it begins with batch ${from}; what was before is no longer known to etcd.`,
  };
}

/**
 * A row as texts, in the order of {@link AUDIT_HEADINGS}, with the first number to be looked up.
 *
 * @param {Record<string, any>} row
 * @returns {{ key: string, at: string, event: string, numbers: string, number: number, cells: string[] }}
 */
export function auditCells(row) {
  const { first, last, facts, releasedTo, event } = row;
  const run = facts > 1 && last > first ? ' one each' : '';
  const back = event === 'issued' || event === 'reissued' ? ', back' : '';
  const to = releasedTo === null || event === 'void' ? '' : `${back} to ${releasedTo}`;
  const owner = row['siteId'] === null ? '' : `${row['siteId']} / ${row['partitionId']}`;
  const optional = [
    'invoiceType',
    'reference',
    'reason',
    'clientId',
    'actor',
    'allocationId',
    'position',
    'node',
    'revision',
  ];
  return {
    key: String(row['position']),
    at: row['at'],
    event: `${event}${to}`,
    numbers: range({ first, last }) + run,
    number: first,
    cells: [owner, ...optional.map(name => (row[name] === null ? '' : String(row[name])))],
  };
}

/** Columns after time, event and numbers. */
export const AUDIT_HEADINGS = [
  'Site / partition',
  'Type',
  'Reference',
  'Reason',
  'Client',
  'By',
  'Allocation',
  'Place',
  'Node',
  'Revision',
];
