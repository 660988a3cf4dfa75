// Which events the feed shows, and how they read. Knows nothing of the page.

import { EVENTS } from './find-life.js';
import { ranges } from './format.js';

/** @typedef {Record<string, any>} LiveEvent of the stream: a fact about numbers, or something in the cluster or a demonstration */

/**
 * @typedef {object} FeedFilter what is empty takes everything
 * @property {string} what a category (`number`, `cluster`, `demo`) or a kind of number event
 * @property {string} site
 * @property {string} type
 * @property {string} text to be found anywhere in it, whatever the case
 */

/** What can be asked for: categories, with their labels, then kinds. @type {readonly (string | readonly [string, string])[]} */
export const FEED_CHOICES = [
  ['', 'Everything'],
  ['number', 'All numbers'],
  ['cluster', 'Cluster'],
  ['demo', 'Demonstrations'],
  'issue',
  'reissue',
  'block',
  'release',
  'void',
  'reserve',
  'confirm',
  'cancel',
  'expire',
  'raise',
  'adopt',
  'retire',
];

const CATEGORIES = new Set(['number', 'cluster', 'demo']);

/**
 * Whether any part of a filter is set.
 *
 * @param {FeedFilter} filter
 */
export function isFiltering({ what, site, type, text }) {
  return what !== '' || site !== '' || type !== '' || text.trim() !== '';
}

/**
 * A test for events, made once for many.
 *
 * @param {FeedFilter} filter
 * @returns {(event: LiveEvent) => boolean}
 */
export function feedTest(filter) {
  const { what, site, type } = filter;
  const text = filter.text.trim().toLowerCase();
  if (!isFiltering(filter)) return () => true;
  return event =>
    takesWhat(event, what) &&
    (site === '' || event['site'] === site) &&
    (type === '' || event['type'] === type) &&
    (text === '' || matchesText(event, text));
}

/**
 * @param {LiveEvent} event
 * @param {string} what
 */
function takesWhat(event, what) {
  if (what === '') return true;
  if (CATEGORIES.has(what)) return event['category'] === what;
  if (what === 'reissue') return event['kind'] === 'issue' && isReused(event);
  if (what === 'void' && event['to'] === 'void') return true;
  return event['kind'] === what;
}

/** @param {LiveEvent} event */
function isReused(event) {
  return (
    event['numbers']?.some((/** @type {{ reused?: boolean }} */ range) => range.reused === true) === true
  );
}

/**
 * @param {LiveEvent} event
 * @param {string} text lower case
 */
function matchesText(event, text) {
  if (/^\d+$/.test(text) && holds(event, Number(text))) return true;
  return TEXT_FIELDS.some(field =>
    String(event[field] ?? '')
      .toLowerCase()
      .includes(text),
  );
}

const TEXT_FIELDS = [
  'text',
  'kind',
  'reference',
  'client',
  'reason',
  'actor',
  'allocationId',
  'node',
  'partition',
];

/**
 * @param {LiveEvent} event
 * @param {number} number
 */
function holds(event, number) {
  return event['numbers']?.some(
    (/** @type {{ first: number, last: number }} */ { first, last }) => first <= number && number <= last,
  );
}

/**
 * @typedef {object} FeedRow an event as a row of texts
 * @property {string} shape
 * @property {string} tone for its colour, which says nothing that the texts do not
 * @property {string} what
 * @property {string} numbers
 * @property {number | null} number the first, to be looked up
 * @property {string} who
 * @property {string} about
 */

/** What has happened, by kind. @type {Readonly<Record<string, string>>} */
const WORDS = {
  issue: 'issued',
  block: 'issued',
  reserve: 'reserved',
  confirm: 'confirmed',
  cancel: 'cancelled',
  expire: 'expired',
  release: 'released',
  raise: 'raised',
  adopt: 'gaps adopted',
  retire: 'gaps retired',
};

/**
 * How an event reads.
 *
 * @param {LiveEvent} event
 * @returns {FeedRow}
 */
export function feedRow(event) {
  if (event['category'] !== 'number') return plainRow(event);
  const { kind, numbers, site, partition, type } = event;
  const [shape, tone, what] = lookOf(event, WORDS[kind] ?? String(kind));
  const owner = site === undefined ? '' : `${site} / ${partition}${type === undefined ? '' : ` · ${type}`}`;
  return {
    shape,
    tone,
    what,
    numbers: ranges(numbers, event['count']),
    number: numbers[0]?.first ?? null,
    who: owner,
    about: [event['reference'], event['reason'], event['client'], event['actor']]
      .filter(part => part !== undefined && part !== '')
      .join(' · '),
  };
}

/**
 * @param {LiveEvent} event
 * @param {string} word
 * @returns {readonly [shape: string, tone: string, what: string]}
 */
function lookOf(event, word) {
  if (event['suppressed'] === true) return ['⊘', 'warn', 'suppressed'];
  const isVoid = event['to'] === 'void' && word !== 'void';
  const what = word === 'issued' && isReused(event) ? 'reissued' : word;
  const { shape, tone } = EVENTS[isVoid ? 'void' : what] ?? { shape: '•', tone: 'soft' };
  return [shape, tone, isVoid ? `${what}, void` : what];
}

/**
 * @param {LiveEvent} event
 * @returns {FeedRow}
 */
function plainRow({ category, kind, text }) {
  const bad = /:(left|lost|died|failed|disturbed|silent|killed)$/.test(kind);
  return {
    shape: category === 'demo' ? '▶' : bad ? '▲' : '◼',
    tone: bad ? 'bad' : 'soft',
    what: kind.replace(':', ' '),
    numbers: '',
    number: null,
    who: '',
    about: text,
  };
}
