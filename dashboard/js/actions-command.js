// Requests of the page as commands for a POSIX shell. Knows nothing of the page, so that it can be tested without one.

/** Characters that no shell gives a meaning to, wherever they stand in a word. */
const PLAIN = /^[\w./:@%+,-]+$/;

/**
 * A text as one word of a POSIX shell, whatever is in it.
 *
 * @param {string} text
 * @returns {string}
 */
export function shellWord(text) {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * A request as `curl` would send it.
 *
 * @param {{ origin: string, path: string, body: object, key?: string | undefined }} request `key`: sent again with it, the request gets
 *   the same answer
 * @returns {string}
 */
export function curlCommand({ origin, path, body, key }) {
  const headers = [
    'content-type: application/json',
    ...(key === undefined ? [] : [`idempotency-key: ${key}`]),
  ].flatMap(header => ['-H', header]);
  // Not --json, which older programs do not know, and not --data, which reads a file where the text begins with @.
  return words(['curl', '-sS', ...headers, '--data-raw', JSON.stringify(body), `${origin}${path}`]);
}

/**
 * A request for numbers as the `seqd` command makes it. It has no option for a client id.
 *
 * @param {import('./actions-request.js').DrawBody} body
 * @param {{ origin: string, key?: string | undefined }} options
 * @returns {string}
 */
export function nextCommand(body, { origin, key }) {
  const { siteId, partitionId, invoiceType, count, contiguous, reference } = body;
  return words([
    'seqd',
    'next',
    ...option('--site', siteId),
    ...option('--partition', partitionId),
    ...option('--type', invoiceType),
    ...option('--count', count),
    ...(contiguous === true ? ['--contiguous'] : []),
    ...option('--reference', reference),
    ...option('--key', key),
    ...option('--url', origin),
  ]);
}

/**
 * A release as the `seqd` command makes it.
 *
 * @param {import('./actions-request.js').ReleaseBody} body
 * @param {{ origin: string, key?: string | undefined }} options
 * @returns {string}
 */
export function releaseCommand(body, { origin, key }) {
  const { sequenceNumber, siteId, partitionId, reason, allocationId, invoiceType } = body;
  return words([
    'seqd',
    'release',
    String(sequenceNumber),
    ...option('--site', siteId),
    ...option('--partition', partitionId),
    ...option('--reason', reason),
    ...option('--allocation-id', allocationId),
    ...option('--type', invoiceType),
    ...option('--key', key),
    ...option('--url', origin),
  ]);
}

/**
 * The life of a number, as the `seqd` command shows it.
 *
 * @param {number} number
 * @param {{ origin: string }} options
 * @returns {string}
 */
export function showCommand(number, { origin }) {
  return words(['seqd', 'show', String(number), ...option('--url', origin)]);
}

/**
 * A question for the audit trail, as the `seqd` command asks it.
 *
 * @param {import('./audit-query.js').AuditFilters} filters
 * @param {{ origin: string }} options
 * @returns {string}
 */
export function auditCommand(filters, { origin }) {
  return words([
    'seqd',
    'audit',
    ...AUDIT_OPTIONS.flatMap(([name, flag]) => option(flag, filters[name])),
    ...(filters.order === 'asc' ? [] : ['--newest-first']),
    ...option('--url', origin),
  ]);
}

/** @type {readonly (readonly [keyof import('./audit-query.js').AuditFilters, string])[]} */
const AUDIT_OPTIONS = [
  ['number', '--number'],
  ['kind', '--kind'],
  ['siteId', '--site'],
  ['partitionId', '--partition'],
  ['invoiceType', '--type'],
  ['reference', '--reference'],
  ['clientId', '--client'],
  ['idempotencyKey', '--key'],
  ['from', '--from'],
  ['to', '--to'],
];

/**
 * The words of an option, none without a value.
 *
 * @param {string} name
 * @param {string | number | undefined} value
 */
export function option(name, value) {
  if (value === undefined) return [];
  const text = String(value);
  // A value must not be taken for another option.
  return text.startsWith('-') ? [`${name}=${text}`] : [name, text];
}

/** A command of these words. @param {readonly string[]} list */
export function words(list) {
  return list.map(shellWord).join(' ');
}
