import { hash } from 'node:crypto';
import type { InvoiceBehaviour } from '../../config/index.ts';
import { SeqdError } from '../../core/errors.ts';
import type { FactOrigin } from '../../core/facts.ts';
import { type Owner, parseAllocationId, type Position } from '../../core/identifiers.ts';
import {
  type Fields,
  flagOf,
  type Mistake,
  refuseMistakes,
  refuseUnknown,
  show,
  textOf,
  toInteger,
} from './fields.ts';

/** What requests are checked against. */
export interface Vocabulary {
  readonly sites: ReadonlyMap<string, readonly string[]>;
  readonly invoiceTypes: Readonly<Record<string, InvoiceBehaviour>>;
  readonly countMax: number;
}

/** A checked request for numbers. */
export interface NextInput {
  readonly owner: Owner;
  readonly behaviour: InvoiceBehaviour;
  readonly count: number;
  readonly contiguous: boolean;
  readonly client?: string;
  readonly reference?: string;
  readonly trace?: string;
}

/** Which number is given back, why, and by whom as far as it is told. */
export interface ReleaseClaim {
  readonly number: number;
  readonly site: string;
  readonly partition: string;
  readonly reason: string;
  readonly allocation?: Position;
  readonly type?: string;
}

/** A checked request to give a number back. */
export interface ReleaseInput {
  readonly claim: ReleaseClaim;
  readonly client?: string;
  readonly trace?: string;
}

const NEXT_FIELDS = [
  'siteId',
  'partitionId',
  'invoiceType',
  'count',
  'contiguous',
  'clientId',
  'reference',
  'traceId',
] as const;
const RELEASE_FIELDS = [
  'sequenceNumber',
  'siteId',
  'partitionId',
  'invoiceType',
  'reason',
  'allocationId',
  'clientId',
  'traceId',
] as const;
const TEXT_MAX = 200;

/**
 * Checks a request for numbers, from a query string (all texts) or a JSON body.
 *
 * @throws SeqdError with the first mistake's code and all mistakes in `details.errors`
 */
export function parseNext(fields: Fields, vocabulary: Vocabulary): NextInput {
  const mistakes: Mistake[] = [];
  refuseUnknown(fields, NEXT_FIELDS, mistakes);
  const { site, partition } = parsePlace(fields, vocabulary, mistakes);
  const type = parseType(fields['invoiceType'], vocabulary, mistakes);
  const count = parseCount(fields['count'], vocabulary.countMax, mistakes);
  const contiguous = flagOf('contiguous', fields, mistakes);
  const texts = {
    ...optionalText('client', 'clientId', fields, mistakes),
    ...optionalText('reference', 'reference', fields, mistakes),
    ...optionalText('trace', 'traceId', fields, mistakes),
  };
  refuseMistakes(mistakes);
  return {
    owner: { site, partition, type },
    behaviour: vocabulary.invoiceTypes[type]!,
    count,
    contiguous,
    ...texts,
  };
}

/** Checks a release. @throws SeqdError like {@link parseNext} */
export function parseRelease(fields: Fields, vocabulary: Vocabulary): ReleaseInput {
  const mistakes: Mistake[] = [];
  refuseUnknown(fields, RELEASE_FIELDS, mistakes);
  const number = parseNumber(fields['sequenceNumber'], mistakes);
  const { site, partition } = parsePlace(fields, vocabulary, mistakes);
  const reason = parseReason(fields['reason'], mistakes);
  const allocation = parseAllocation(fields['allocationId'], mistakes);
  const type =
    fields['invoiceType'] === undefined ? undefined : parseType(fields['invoiceType'], vocabulary, mistakes);
  const texts = {
    ...optionalText('client', 'clientId', fields, mistakes),
    ...optionalText('trace', 'traceId', fields, mistakes),
  };
  refuseMistakes(mistakes);
  return {
    claim: {
      number,
      site,
      partition,
      reason,
      ...(allocation === undefined ? {} : { allocation }),
      ...(type === undefined ? {} : { type }),
    },
    ...texts,
  };
}

const KEY = /^[\x21-\x7e]{1,200}$/;

/**
 * Checks an `Idempotency-Key` header.
 *
 * @throws SeqdError `invalid_request`
 */
export function parseIdempotencyKey(value: string | string[] | undefined): string | undefined {
  if (value === undefined || (typeof value === 'string' && KEY.test(value))) return value;
  throw new SeqdError(
    'invalid_request',
    'Idempotency-Key must be 1 to 200 visible ASCII characters without spaces',
    {
      details: { errors: [{ field: 'Idempotency-Key', code: 'invalid_request', allowed: KEY.source }] },
    },
  );
}

/** What the journal keeps about where a request came from. */
export function originOf(
  input: { client?: string; trace?: string; reference?: string },
  key: string | undefined,
  payloadFingerprint: string | undefined,
): FactOrigin {
  const { client, trace, reference } = input;
  const origin: { -readonly [K in keyof FactOrigin]: FactOrigin[K] } = {};
  if (key !== undefined && payloadFingerprint !== undefined) {
    origin.key = key;
    origin.fingerprint = payloadFingerprint;
  }
  if (client !== undefined) origin.client = client;
  if (trace !== undefined) origin.trace = trace;
  if (reference !== undefined) origin.reference = reference;
  return origin;
}

/** A short digest of a payload: a key that comes back with another one is refused. */
export function fingerprint(payload: readonly unknown[]): string {
  return hash('sha1', JSON.stringify(payload), 'base64').slice(0, 16);
}

function parsePlace(
  fields: Fields,
  { sites }: Vocabulary,
  mistakes: Mistake[],
): { site: string; partition: string } {
  const site = fields['siteId'];
  const partition = fields['partitionId'];
  const partitions = typeof site === 'string' ? sites.get(site) : undefined;
  if (typeof site !== 'string' || partitions === undefined) {
    const allowed = [...sites.keys()];
    const code = site === undefined ? 'invalid_request' : 'unknown_site';
    mistakes.push({ field: 'siteId', code, detail: describe('siteId', site, allowed), allowed });
    return { site: '', partition: '' };
  }
  if (typeof partition !== 'string' || !partitions.includes(partition)) {
    const code = partition === undefined ? 'invalid_request' : 'unknown_partition';
    const detail = `${describe('partitionId', partition, partitions)} (partitions of ${site})`;
    mistakes.push({ field: 'partitionId', code, detail, allowed: partitions });
    return { site, partition: '' };
  }
  return { site, partition };
}

function parseType(type: unknown, { invoiceTypes }: Vocabulary, mistakes: Mistake[]): string {
  if (typeof type === 'string' && Object.hasOwn(invoiceTypes, type)) return type;
  const allowed = Object.keys(invoiceTypes);
  const code = type === undefined ? 'invalid_request' : 'unknown_type';
  mistakes.push({ field: 'invoiceType', code, detail: describe('invoiceType', type, allowed), allowed });
  return '';
}

function parseCount(value: unknown, countMax: number, mistakes: Mistake[]): number {
  if (value === undefined) return 1;
  const count = toInteger(value);
  const allowed = { minimum: 1, maximum: countMax };
  if (count === undefined || count < 1) {
    const detail = `count must be a whole number from 1 to ${countMax}, not ${show(value)}`;
    mistakes.push({ field: 'count', code: 'invalid_count', detail, allowed });
    return 1;
  }
  if (count > countMax) {
    const detail = `count is ${count}; at most ${countMax} numbers can be asked for at once`;
    mistakes.push({ field: 'count', code: 'count_too_large', detail, allowed });
  }
  return count;
}

function parseNumber(value: unknown, mistakes: Mistake[]): number {
  const number = toInteger(value);
  if (number !== undefined && number >= 1) return number;
  const detail = `sequenceNumber must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}, not ${show(value)}`;
  mistakes.push({ field: 'sequenceNumber', code: 'invalid_request', detail });
  return 0;
}

function parseReason(value: unknown, mistakes: Mistake[]): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= TEXT_MAX) return value;
  const detail = `reason must be a text of 1 to ${TEXT_MAX} characters, not ${show(value)}`;
  mistakes.push({ field: 'reason', code: 'invalid_request', detail });
  return '';
}

function parseAllocation(value: unknown, mistakes: Mistake[]): Position | undefined {
  if (value === undefined) return undefined;
  const allocation = typeof value === 'string' ? parseAllocationId(value) : undefined;
  if (allocation === undefined) {
    const detail = `allocationId must look like "4711-3", as it was given with the number, not ${show(value)}`;
    mistakes.push({ field: 'allocationId', code: 'invalid_request', detail });
  }
  return allocation;
}

function optionalText<K extends string>(
  name: K,
  field: string,
  fields: Fields,
  mistakes: Mistake[],
): { [P in K]?: string } {
  const value = textOf(field, fields, { minimum: 0, maximum: TEXT_MAX }, mistakes);
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: string });
}

function describe(field: string, value: unknown, allowed: readonly string[]): string {
  const list = allowed.join(', ');
  return value === undefined
    ? `${field} is required; one of ${list}`
    : `${field} ${show(value)} is not known; it is one of ${list}`;
}
