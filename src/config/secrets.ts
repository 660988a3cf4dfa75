import { hideSinkSecrets } from './event-sinks.ts';

const SHOWN_LENGTH_MAX = 120;

/** Settings that are secrets as a whole: nothing of them is ever shown. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set(['server.admin-token', 'demo.token']);

/** Settings that hold secrets: what a refused value was is not said. */
export const isSecret = (path: string): boolean => SECRET_SETTINGS.has(path) || path === SINKS;

const SINKS = 'sequence.events.sinks';

/** Stands for a secret where settings are printed. */
export const HIDDEN = '***';

/** A setting's value as it may be printed. */
export function hideSecretsOf(path: string, value: unknown): unknown {
  if (path === SINKS) return hideSinkSecrets(value, HIDDEN);
  return SECRET_SETTINGS.has(path) && value !== null ? HIDDEN : hideSecrets(value);
}

/** The text with the credentials of every URL in it replaced: `http://user:pass@host` → `http://***@host`. */
export const hideCredentials = (text: string): string => text.replaceAll(/:\/\/[^\s/]*@/g, '://***@');

/** A copy of a value with the credentials in all its texts hidden. */
export function hideSecrets(value: unknown): unknown {
  if (typeof value === 'string') return hideCredentials(value);
  if (Array.isArray(value)) return value.map(hideSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hideSecrets(item)]));
}

/**
 * A refused value for a message: JSON, shortened. What is refused may be malformed, so where credentials end
 * cannot be known: once anything in the setting looks like credentials, none of its values is shown.
 */
export function showValue(value: unknown, setting: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (/:.*@|password/is.test(textsOf(setting).join(','))) return '(hidden, it looks like credentials)';
  const shown = JSON.stringify(value);
  return shown.length > SHOWN_LENGTH_MAX ? `${shown.slice(0, SHOWN_LENGTH_MAX)}…` : shown;
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? [] : Object.keys(value);
  return keys.concat(Object.values(value).flatMap(textsOf));
}
