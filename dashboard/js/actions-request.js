// What the panel "Draw and release" asks for, and what it makes of the answers. Knows nothing of the page.

/**
 * @typedef {object} DrawBody
 * @property {string} siteId
 * @property {string} partitionId
 * @property {string} invoiceType
 * @property {number} [count]
 * @property {boolean} [contiguous]
 * @property {string} [reference]
 * @property {string} [clientId]
 */

/**
 * @typedef {object} ReleaseBody
 * @property {number} sequenceNumber
 * @property {string} siteId
 * @property {string} partitionId
 * @property {string} reason
 * @property {string} [allocationId]
 * @property {string} [invoiceType]
 */

/** @typedef {{ readonly first: number, readonly last: number, readonly reused?: boolean }} Range */

/** @typedef {'fresh' | 'reused' | 'mixed' | 'preview' | 'suppressed' | 'released'} ReplyKind */

export const NEXT_PATH = '/api/v1/sequence/next';
export const RELEASE_PATH = '/api/v1/sequence/release';

/** Replies that are kept. */
export const HISTORY_MAX = 10;

/**
 * The body for a draw; what is not filled in is left out.
 *
 * @param {{ siteId: string, partitionId: string, invoiceType: string, count?: number, contiguous?: boolean, reference?: string, clientId?: string }} fields
 * @returns {DrawBody}
 */
export function drawBody({ siteId, partitionId, invoiceType, count = 1, contiguous, reference, clientId }) {
  return {
    siteId,
    partitionId,
    invoiceType,
    count,
    ...(contiguous === true && count > 1 ? { contiguous } : {}),
    ...text('reference', reference),
    ...text('clientId', clientId),
  };
}

/**
 * The body for a release; what is not filled in is left out.
 *
 * @param {{ sequenceNumber: number, siteId: string, partitionId: string, reason: string, allocationId?: string | null, invoiceType?: string | null }} fields
 * @returns {ReleaseBody}
 */
export function releaseBody({ sequenceNumber, siteId, partitionId, reason, allocationId, invoiceType }) {
  return {
    sequenceNumber,
    siteId,
    partitionId,
    reason,
    ...text('allocationId', allocationId),
    ...text('invoiceType', invoiceType),
  };
}

/**
 * @template {string} K
 * @param {K} name
 * @param {string | null | undefined} value
 * @returns {{ [P in K]?: string }}
 */
function text(name, value) {
  if (value === undefined || value === null || value === '') return {};
  return /** @type {{ [P in K]?: string }} */ ({ [name]: value });
}

/**
 * What kind of answer it is.
 *
 * @param {Record<string, any>} reply of a draw or a release
 * @returns {ReplyKind}
 */
export function replyKind(reply) {
  if (reply['releasedTo'] !== undefined) return 'released';
  if (reply['preview'] === true) return 'preview';
  if (reply['released'] !== undefined) return 'suppressed';
  if (reply['reused'] !== true) return 'fresh';
  const ranges = /** @type {readonly Range[]} */ (reply['numbers']);
  return ranges.some(range => range.reused === false) ? 'mixed' : 'reused';
}

/**
 * The number of an answer that can be given back next, and where it belongs; `undefined` when there is none left.
 *
 * @param {Record<string, any>} reply
 * @param {ReadonlySet<number>} released numbers of it that were given back already
 */
export function releasable(reply, released) {
  const kind = replyKind(reply);
  if (kind === 'preview' || kind === 'suppressed' || kind === 'released') return undefined;
  for (const { first, last } of /** @type {readonly Range[]} */ (reply['numbers']))
    for (let number = first; number <= last; number += 1)
      if (!released.has(number))
        return {
          sequenceNumber: number,
          siteId: String(reply['siteId']),
          partitionId: String(reply['partitionId']),
          allocationId: String(reply['allocationId']),
          invoiceType: String(reply['invoiceType']),
        };
  return undefined;
}

/**
 * What the person at the page can do about a problem.
 *
 * @param {{ code?: string, retry?: string, retryAfterSeconds?: number }} problem
 * @returns {{ text: string, again: boolean }} `again`: sending the same request with the same key once more makes sense
 */
export function adviceFor({ code, retry, retryAfterSeconds }) {
  const special = ADVICE[code ?? ''];
  if (special !== undefined) return { text: special, again: false };
  if (retry === 'later') {
    const when = retryAfterSeconds === undefined ? 'in a moment' : `in ${retryAfterSeconds} s`;
    return { text: `Nothing was changed. Send it again ${when}, or at another node at once.`, again: true };
  }
  if (retry === 'never')
    return { text: 'Sending the same again will not help; change the request.', again: false };
  return {
    text: 'It may have taken effect. Send it again with the same key: that gives the first answer again, no second number.',
    again: true,
  };
}

/** @type {Readonly<Record<string, string>>} */
const ADVICE = {
  not_owner: 'Look up whose number it is.',
  allocation_id_required: 'It has had more than one owner: look up its allocation.',
  stale_allocation: 'Another document has it now: look it up.',
  never_issued: 'No document has it; there is nothing to give back.',
  already_released: 'It is in the pool; nothing is left to do.',
  already_void: 'It is void for good; nothing is left to do.',
  number_reserved: 'Confirm or cancel its reservation instead.',
  simulated_disabled: 'See core.simulated-enabled in the configuration.',
  exhausted: 'No new number is left in this series; a single one may come from the pool.',
  idempotency_key_reused: 'Send it as a new request, which gets a new key.',
};

/** What types of a behaviour do, for the hint below the form. @type {Readonly<Record<string, string>>} */
export const BEHAVIOUR_HINTS = {
  issue: 'Issues numbers: those in the pool first, lowest first, then new ones.',
  preview: 'A preview (simulated): tells which numbers would come next, takes none and promises none.',
  suppress:
    'Suppressed: takes the numbers and gives them back in the same step, on record; no document has them.',
};

/**
 * Adds an entry before the others; the oldest go.
 *
 * @template T
 * @param {readonly T[]} list newest first
 * @param {T} entry
 * @returns {T[]}
 */
export function remember(list, entry) {
  return [entry, ...list].slice(0, HISTORY_MAX);
}
