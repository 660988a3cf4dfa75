import { suggest } from '../../config/suggest.ts';
import { type ErrorCode, SeqdError } from '../../core/errors.ts';

/** What came with a request: of a query string texts, and arrays of those that are repeated; of a JSON body anything. */
export type Fields = Readonly<Record<string, unknown>>;

/** One thing that is wrong with a request. */
export interface Mistake {
  readonly field: string;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly allowed?: unknown;
}

/** Bounds of a whole number, or of a text's length; both included. */
export interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
}

/** What one would call fields, or what the CLI calls them. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['site', 'siteId'],
  ['partition', 'partitionId'],
  ['type', 'invoiceType'],
  ['client', 'clientId'],
  ['key', 'idempotencyKey'],
  ['numbers', 'number'],
  ['since', 'from'],
  ['until', 'to'],
  ['sort', 'order'],
  ['revision', 'at'],
  ['by', 'requestedBy'],
  ['document', 'reference'],
]);

/** Who sends more than that has not slipped; a body may have thousands, and each costs. */
const UNKNOWN_MAX = 8;

/** Refuses all but the known fields, with the ones that may have been meant; of many the first few. */
export function refuseUnknown(fields: Fields, known: readonly string[], mistakes: Mistake[]): void {
  const unknown = Object.keys(fields).filter(field => !known.includes(field));
  for (const field of unknown.slice(0, UNKNOWN_MAX)) {
    const meant = suggest(field, known) ?? SYNONYMS.get(field);
    const hint = meant !== undefined && known.includes(meant) ? ` (did you mean ${meant}?)` : '';
    const list = known.length === 0 ? 'there are none here' : `known are ${known.join(', ')}`;
    const detail = `${show(field)} is not a known field${hint}; ${list}`;
    mistakes.push({ field, code: 'invalid_request', detail, allowed: known });
  }
}

/** A text; `undefined` when there is none, or with a mistake when it is not one. */
export function textOf(
  field: string,
  fields: Fields,
  { minimum, maximum }: Bounds,
  mistakes: Mistake[],
): string | undefined {
  const value = fields[field];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value.length >= minimum && value.length <= maximum) return value;
  const length = minimum === 0 ? `at most ${maximum}` : `${minimum} to ${maximum}`;
  const detail = Array.isArray(value)
    ? `${field} must be one text`
    : `${field} must be a text of ${length} characters, not ${show(value)}`;
  mistakes.push({ field, code: 'invalid_request', detail });
  return undefined;
}

/** A whole number within bounds; `undefined` as of {@link textOf}. */
export function integerOf(
  field: string,
  fields: Fields,
  allowed: Bounds,
  mistakes: Mistake[],
): number | undefined {
  const value = fields[field];
  if (value === undefined) return undefined;
  const number = toInteger(value);
  if (number !== undefined && number >= allowed.minimum && number <= allowed.maximum) return number;
  const detail = `${field} must be a whole number from ${allowed.minimum} to ${allowed.maximum}, not ${show(value)}`;
  mistakes.push({ field, code: 'invalid_request', detail, allowed });
  return undefined;
}

/** One of a few words; `undefined` as of {@link textOf}. */
export function choiceOf<const T extends string>(
  field: string,
  fields: Fields,
  allowed: readonly T[],
  mistakes: Mistake[],
): T | undefined {
  const value = fields[field];
  if (value === undefined) return undefined;
  const found = allowed.find(choice => choice === value);
  if (found !== undefined) return found;
  const detail = `${field} must be one of ${allowed.join(', ')}, not ${show(value)}`;
  mistakes.push({ field, code: 'invalid_request', detail, allowed });
  return undefined;
}

/** True or false, false when it is not given. */
export function flagOf(field: string, fields: Fields, mistakes: Mistake[]): boolean {
  const value = fields[field];
  if (value === undefined || value === false || value === 'false') return false;
  if (value === true || value === 'true') return true;
  const detail = `${field} must be true or false, not ${show(value)}`;
  mistakes.push({ field, code: 'invalid_request', detail, allowed: [true, false] });
  return false;
}

/** @throws SeqdError the first mistake's code, with all mistakes, if there is any */
export function refuseMistakes(mistakes: readonly Mistake[]): void {
  const [first] = mistakes;
  if (first === undefined) return;
  const detail = mistakes.map(mistake => mistake.detail).join('; ');
  throw new SeqdError(first.code, detail, { details: { errors: mistakes } });
}

/** For what takes no fields: one that is given was meant to do something. @throws SeqdError `invalid_request` */
export function refuseAll(fields: Fields): void {
  const mistakes: Mistake[] = [];
  refuseUnknown(fields, [], mistakes);
  refuseMistakes(mistakes);
}

/** A safe integer from a JSON number or a decimal text; `undefined` for anything else. */
export function toInteger(value: unknown): number | undefined {
  if (typeof value === 'string' && /^-?\d{1,16}$/.test(value)) return toInteger(Number(value));
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** A value as a message names it. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
