/**
 * PostgreSQL array literals. The driver makes them, too, element by element; for tens of thousands of numbers a second
 * that is most of the work. They are parameters, never part of a statement.
 */

/** Numbers, or what already is the text of one value without special characters; `null` becomes NULL. */
export function plainArray(values: readonly (number | boolean | string | null)[]): string {
  return `{${values.map(value => (value === null ? 'NULL' : String(value))).join(',')}}`;
}

/** Any texts; `null` becomes NULL. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map(quote).join(',')}}`;
}

/** Unix milliseconds as timestamps; `null` becomes NULL. */
export function timeArray(values: readonly (number | null)[]): string {
  let last: number | null = null;
  let text = 'NULL';
  const texts = values.map(value => {
    if (value !== last) {
      text = value === null ? 'NULL' : `"${timestampOf(value)}"`;
      last = value;
    }
    return text;
  });
  return `{${texts.join(',')}}`;
}

/** The last instant that a date of JavaScript can be. */
const LAST_DATE_MS = 8.64e15;

/** Unix milliseconds as PostgreSQL reads them; its years have no sign. */
export function timestampOf(timeMs: number): string {
  return new Date(Math.min(timeMs, LAST_DATE_MS)).toISOString().replace(/^\+0*/, '');
}

function quote(text: string | null): string {
  if (text === null) return 'NULL';
  return `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, '\\$&') : text}"`;
}
