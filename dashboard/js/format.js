// How the page writes figures: one way for each kind. No DOM in here. Nothing known is always an en dash.

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const ONE_DIGIT = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const TENTHS = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const TWO_DIGITS = new Intl.NumberFormat('en', { maximumFractionDigits: 2, minimumFractionDigits: 2 });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DATE_CLOCK = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

export const UNKNOWN = '–';

/** @typedef {number | null | undefined} Figure */

/**
 * @param {Figure} value
 * @returns {value is number}
 */
const isKnown = value => typeof value === 'number' && Number.isFinite(value);

/** A whole number with separators: `12,345`. @param {Figure} value */
export function count(value) {
  return isKnown(value) ? WHOLE.format(value) : UNKNOWN;
}

/** Something per second, without the unit: `1,234`, `3.4`, `0`. @param {Figure} value */
export function rate(value) {
  if (!isKnown(value)) return UNKNOWN;
  return value > 0 && value < 10 ? ONE_DIGIT.format(value) : WHOLE.format(value);
}

/** Milliseconds with their unit, three digits or so: `0.42 ms`, `3.1 ms`, `240 ms`, `1.5 s`. @param {Figure} value */
export function ms(value) {
  if (!isKnown(value)) return UNKNOWN;
  if (value >= 999.5)
    return `${value >= 10_000 ? WHOLE.format(value / 1_000) : ONE_DIGIT.format(value / 1_000)} s`;
  if (value >= 100 || value === 0) return `${WHOLE.format(value)} ms`;
  return `${value < 1 ? TWO_DIGITS.format(value) : ONE_DIGIT.format(value)} ms`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes in units of 1,024: `512 B`, `25.0 MiB`. @param {Figure} value */
export function bytes(value) {
  if (!isKnown(value)) return UNKNOWN;
  let unit = 0;
  let scaled = value;
  while (scaled >= 1_024 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1_024;
    unit += 1;
  }
  return `${unit === 0 || scaled >= 100 ? WHOLE.format(scaled) : ONE_DIGIT.format(scaled)} ${BYTE_UNITS[unit]}`;
}

/**
 * A part of a whole: `0 %`, `37 %`, `33.3 %`; `< 0.1 %` for what would round to nothing, `> 99.9 %` for what would round to all.
 *
 * @param {Figure} part
 * @param {number} whole
 */
export function percent(part, whole) {
  if (!isKnown(part)) return UNKNOWN;
  if (part === 0 || whole === 0) return '0 %';
  const value = (100 * part) / whole;
  if (value > 99.9 && value < 100) return '> 99.9 %';
  return value < 0.1 ? '< 0.1 %' : `${TENTHS.format(value)} %`;
}

/** How long something took, with the digits that matter: `340 ms`, `4.2 s`, `1 min 12 s`, `2 h 5 min`. @param {number} value milliseconds */
export function span(value) {
  if (value < 999.5) return `${Math.max(0, Math.round(value))} ms`;
  if (value < 59_950) return `${ONE_DIGIT.format(value / 1_000)} s`;
  return duration(Math.round(value / 1_000) * 1_000);
}

/** How long something took or lasts, from milliseconds: `0 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. @param {Figure} value */
export function duration(value) {
  if (!isKnown(value)) return UNKNOWN;
  const seconds = Math.max(0, Math.floor(value / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return withRest(minutes, 'min', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? withRest(hours, 'h', minutes % 60, 'min')
    : withRest(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/**
 * @param {number} value
 * @param {string} unit
 * @param {number} rest
 * @param {string} restUnit
 */
function withRest(value, unit, rest, restUnit) {
  return rest === 0 ? `${value} ${unit}` : `${value} ${unit} ${rest} ${restUnit}`;
}

/**
 * How long ago: `now`, `12 s ago`, `5 min ago`, `3 h ago`.
 *
 * @param {Figure} at Unix milliseconds
 * @param {number} now the same; `store.now()`
 */
export function ago(at, now) {
  if (!isKnown(at)) return UNKNOWN;
  const age = now - at;
  if (age < 1_000) return 'now';
  const [first, unit] = duration(age).split(' ');
  return `${first} ${unit} ago`;
}

/** Time of day, local: `14:03:27`. @param {Figure} at Unix milliseconds */
export function clock(at) {
  return isKnown(at) ? CLOCK.format(at) : UNKNOWN;
}

/** Date and time of day, local. @param {Figure} at Unix milliseconds */
export function dateClock(at) {
  return isKnown(at) ? DATE_CLOCK.format(at) : UNKNOWN;
}

/**
 * Numbers of documents, which are names and have no separators: `7`, `7–12`.
 *
 * @param {{ first: number, last: number }} range
 */
export function range({ first, last }) {
  return first === last ? String(first) : `${first}–${last}`;
}

/**
 * The first range of several, and how many numbers there are besides: `7–12 +30`.
 *
 * @param {readonly { first: number, last: number }[]} list
 * @param {number} count of all numbers, also of those that are not in the list
 */
export function ranges(list, count) {
  const [first] = list;
  if (first === undefined) return '';
  const rest = count - (first.last - first.first + 1);
  return range(first) + (rest > 0 ? ` +${rest}` : '');
}

/** Begin and end of a hash: `3fa9c1…77e0`. @param {string | null | undefined} hash */
export function shortHash(hash) {
  if (hash === null || hash === undefined || hash === '') return UNKNOWN;
  return hash.length <= 14 ? hash : `${hash.slice(0, 6)}…${hash.slice(-4)}`;
}

/**
 * `1 node`, `2 nodes`.
 *
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
