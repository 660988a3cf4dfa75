// The life of a number (GET /api/v1/numbers/{n}) in words for people. Knows nothing of the page.

import { range } from './format.js';

/** @typedef {'good' | 'warn' | 'bad' | 'info' | 'soft'} Tone */
/** @typedef {Record<string, any>} LifeEvent as the REST interface tells it */
/** @typedef {{ shape: string, tone: Tone, title: string }} Look */

/**
 * The number that somebody means.
 *
 * @param {string} text digits, perhaps grouped, perhaps after a `#`
 * @returns {{ number: number } | { why: string }} `why`: empty when there is no text
 */
export function parseNumber(text) {
  const plain = text.trim().replace(/^#/, '');
  const digits = plain.replaceAll(/[\s,.'’_]/g, '');
  if (digits === '') return { why: '' };
  // A group has three digits, or two in India; after the last point or comma fewer are a fraction.
  if (!/^\d+$/.test(digits) || /[.,]\d\d?$/.test(plain))
    return { why: `“${shorten(text.trim())}” is not a number. Numbers are whole and begin with 1.` };
  const number = Number(digits);
  if (number < 1) return { why: 'Numbers begin with 1.' };
  if (!Number.isSafeInteger(number)) return { why: `A number is at most ${Number.MAX_SAFE_INTEGER}.` };
  return { number };
}

/** @param {string} text */
function shorten(text) {
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}

/** @type {Readonly<Record<string, Look & { says: string }>>} */
const STATES = {
  issued: { shape: '●', tone: 'good', title: 'Issued', says: 'A document has it.' },
  reserved: { shape: '◐', tone: 'warn', title: 'Reserved', says: 'Held until it is confirmed or cancelled.' },
  pooled: { shape: '○', tone: 'info', title: 'In the pool', says: 'Given back; it will be given out again.' },
  void: { shape: '✕', tone: 'bad', title: 'Void', says: 'No document has it and none ever will.' },
  imported: {
    shape: '◆',
    tone: 'soft',
    title: 'Imported',
    says: 'Used by the numbering that was here before.',
  },
};

/**
 * What a number is now.
 *
 * @param {Record<string, any>} life
 * @returns {Look & { says: string }}
 */
export function stateOf(life) {
  const { status } = life['state'];
  return STATES[status] ?? { shape: '?', tone: 'soft', title: String(status), says: '' };
}

/** What can happen to a number. @type {Readonly<Record<string, Look>>} */
export const EVENTS = {
  issued: { shape: '●', tone: 'good', title: 'Issued' },
  reissued: { shape: '↻', tone: 'good', title: 'Reissued from the pool' },
  reserved: { shape: '◐', tone: 'warn', title: 'Reserved' },
  confirmed: { shape: '●', tone: 'good', title: 'Confirmed' },
  cancelled: { shape: '○', tone: 'info', title: 'Reservation cancelled' },
  expired: { shape: '○', tone: 'warn', title: 'Reservation expired' },
  released: { shape: '○', tone: 'info', title: 'Released' },
  void: { shape: '✕', tone: 'bad', title: 'Void' },
  skipped: { shape: '✕', tone: 'bad', title: 'Skipped when the counter was raised' },
  imported: { shape: '◆', tone: 'soft', title: 'Imported as used' },
  gap: { shape: '◇', tone: 'info', title: 'Imported as a gap' },
};

/**
 * How an event looks.
 *
 * @param {LifeEvent} event
 * @returns {Look}
 */
export function eventLook(event) {
  const look = EVENTS[event['event']] ?? {
    shape: '?',
    tone: 'soft',
    title: event['event'],
  };
  const to = event['releasedTo'];
  if (to === undefined) return look;
  if (event['event'] === 'issued' || event['event'] === 'reissued')
    return { ...look, shape: '⊘', tone: 'warn', title: `${look.title}, and given back in the same step` };
  return to === 'void'
    ? { shape: '✕', tone: 'bad', title: `${look.title}, void since` }
    : { ...look, title: `${look.title} to the pool` };
}

/**
 * The facts of an event, those that say most first.
 *
 * @param {LifeEvent} event
 * @returns {[label: string, value: string][]}
 */
export function eventFacts(event) {
  const owner = event['siteId'] === undefined ? undefined : `${event['siteId']} / ${event['partitionId']}`;
  const { numbers } = event;
  const together = numbers === undefined ? undefined : `${range(numbers)}, in one step`;
  /** @type {[string, string | number | null | undefined][]} */
  const facts = [
    ['For', owner],
    ['Type', event['invoiceType']],
    ['Document', event['reference']],
    ['Reason', event['reason']],
    ['Client', event['clientId']],
    ['By', event['actor']],
    ['Together with', together],
    ['Until', event['deadline']],
    ['Allocation', event['allocationId']],
    ['Batch', event['position']],
    ['Node', event['node']],
    ['Revision', event['revision']],
    ['Key', event['idempotencyKey']],
    ['Trace', event['traceId']],
  ];
  return facts.flatMap(([label, value]) =>
    value === undefined || value === null ? [] : [/** @type {[string, string]} */ ([label, String(value)])],
  );
}

/**
 * What a reader must know before believing that the life is all there is.
 *
 * @param {Record<string, any>} life
 * @returns {{ tone: Tone, text: string }[]}
 */
export function lifeNotes(life) {
  /** @type {{ tone: Tone, text: string }[]} */
  const notes = [];
  if (life['problem'] !== undefined)
    notes.push({
      tone: 'bad',
      text: `Told by the ledger alone, and not all may be here: ${life['problem']}.`,
    });
  else if (life['complete'] !== true)
    notes.push({
      tone: 'warn',
      text:
        `Not complete: ${life['ledger'] === null ? 'no ledger answers, and ' : ''}what happened before batch ` +
        `${life['from']} is no longer known to etcd. The state is right all the same.`,
    });
  else if (life['ledger'] === null)
    notes.push({ tone: 'soft', text: 'Complete, from etcd alone: no ledger answers.' });
  if (life['consistent'] === false && life['problem'] === undefined)
    notes.push({
      tone: 'bad',
      text: 'These events do not end in that state. Run "seqd verify" and see the runbook.',
    });
  return notes;
}

/**
 * A life that is shown, and a later answer about the same number. Of its events that one has only those that were asked for, and it
 * speaks of no others: what was said of those before holds on.
 *
 * @param {Record<string, any>} life
 * @param {Record<string, any>} later
 * @returns {Record<string, any>} the later answer, with what a reader must know of both
 */
export function continueLife(life, later) {
  return {
    ...later,
    complete: life['complete'] && later['complete'],
    from: life['from'] ?? later['from'],
    consistent: life['consistent'] === false ? false : later['consistent'],
    problem: later['problem'] ?? life['problem'],
  };
}

/**
 * Why there is no life to show.
 *
 * @param {number} number
 * @param {Record<string, any>} problem of the REST interface
 * @returns {{ title: string, text: string }}
 */
export function explainMissing(number, problem) {
  if (problem['code'] !== 'never_issued')
    return {
      title: problem['title'] || 'It could not be looked up',
      text: problem['detail'] || 'The node did not answer.',
    };
  const next = problem['next'];
  const text =
    next === undefined
      ? 'Nothing was issued yet in this series.'
      : number >= next
        ? `The series has not come that far: the next new number is ${next}.`
        : String(problem['detail']);
  return { title: `${number} was never issued`, text };
}

/**
 * Whether an event of the stream says something new about a number.
 *
 * @param {Record<string, any>} event
 * @param {number} number
 */
export function concerns(event, number) {
  if (event['category'] !== 'number') return false;
  const ranges = /** @type {readonly { first: number, last: number }[]} */ (event['numbers']);
  if (ranges.some(({ first, last }) => first <= number && number <= last)) return true;
  // Of many ranges only the first few are told.
  const told = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const last = ranges.at(-1);
  return told < event['count'] && (last === undefined || number > last.last);
}
