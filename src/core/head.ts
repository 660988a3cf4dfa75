import { SeqdError } from './errors.ts';
import type { ReleaseTarget } from './facts.ts';
import { flattenRanges, type NumberRange, type RangeSet, unflattenRanges } from './ranges.ts';
import { parseStored } from './stored-text.ts';

/** The version of every stored record. A node that meets a higher one refuses to serve the series. */
export const STORED_FORMAT = 1;

/** The version of a head that speaks of imported numbers: an older node would drop them when it writes the head, so it must refuse. */
export const IMPORT_HEAD_FORMAT = 2;

/** Imported numbers whose gaps are yet to be said, in ascending order. */
export interface OpenImport extends NumberRange {
  readonly source: string;
  readonly gapsTo: ReleaseTarget;
}

/** What becomes of a released number: it is reused, lowest first, or it becomes a documented hole. */
export type ReusePolicy = 'lowest-first' | 'never';

/** A series' settings, fixed when its first batch is written. */
export interface SeriesSettings {
  /** First number of the series. */
  readonly start: number;
  /** Last number the series may issue, at most 2^53 − 1. */
  readonly maximum: number;
  readonly reuse: ReusePolicy;
}

/**
 * A series period's small state record. Every commit compares its stored text and replaces it, so two
 * commits from the same head can never both succeed; because `chain` covers the whole history, a head
 * that reads the same *is* the same, even after a restore from a backup.
 *
 * Invariant (G2): `issued + reserved + pooled + voided + imported === next − settings.start`.
 */
export interface Head {
  readonly settings: SeriesSettings;
  /** Sequence of the last batch; 0 before the first. */
  readonly sequence: number;
  /** The next fresh number. */
  readonly next: number;
  /** Hash of the last batch, which holds the hash of the one before; 64 zeros before the first. */
  readonly chain: string;
  /** Time of the last batch, Unix milliseconds, never falling. */
  readonly time: number;
  /** Numbers that belong to a document now. */
  readonly issued: number;
  readonly reserved: number;
  readonly pooled: number;
  readonly voided: number;
  /** Ranges made void by raising the counter; kept here because they can be arbitrarily long. */
  readonly skipped: RangeSet;
  /** Numbers that an older numbering has used, and seqd never issues. */
  readonly imported: number;
  /** Where they are. A number in one of these ranges that stands in no page is imported; its gaps stand in pages, or in `skipped`. */
  readonly importedRanges: RangeSet;
  /** The end of the last of them while its gaps are being said. */
  readonly openImport: OpenImport | null;
}

/** A head that its owner, a draft, may change. */
export type MutableHead = { -readonly [K in keyof Head]: Head[K] };

/** The chain before the first batch. */
export const GENESIS_CHAIN = '0'.repeat(64);

/** The head of a series in which nothing happened yet. */
export function initialHead(settings: SeriesSettings): Head {
  return {
    settings,
    sequence: 0,
    next: settings.start,
    chain: GENESIS_CHAIN,
    time: 0,
    issued: 0,
    reserved: 0,
    pooled: 0,
    voided: 0,
    skipped: [],
    imported: 0,
    importedRanges: [],
    openImport: null,
  };
}

/** The head as stored: JSON, so that an operator can read it with any etcd client. */
export function encodeHead(head: Head): string {
  const { settings, openImport } = head;
  const imports = head.importedRanges.length > 0;
  return JSON.stringify({
    format: imports ? IMPORT_HEAD_FORMAT : STORED_FORMAT,
    sequence: head.sequence,
    next: head.next,
    issued: head.issued,
    reserved: head.reserved,
    pooled: head.pooled,
    void: head.voided,
    time: head.time,
    chain: head.chain,
    start: settings.start,
    maximum: settings.maximum,
    reuse: settings.reuse,
    skipped: head.skipped.length === 0 ? undefined : flattenRanges(head.skipped),
    imported: imports ? head.imported : undefined,
    importedRanges: imports ? flattenRanges(head.importedRanges) : undefined,
    openImport: openImport ?? undefined,
  });
}

/**
 * The reverse of {@link encodeHead}.
 *
 * @throws SeqdError `unsupported_format` when a newer version wrote it
 */
export function decodeHead(text: string): Head {
  const stored = parseStored('head', text) as StoredHead;
  if (stored.format !== STORED_FORMAT) assertFormat(stored.format, 'head', IMPORT_HEAD_FORMAT);
  return {
    settings: { start: stored.start, maximum: stored.maximum, reuse: stored.reuse },
    sequence: stored.sequence,
    next: stored.next,
    chain: stored.chain,
    time: stored.time,
    issued: stored.issued,
    reserved: stored.reserved,
    pooled: stored.pooled,
    voided: stored.void,
    skipped: unflattenRanges(stored.skipped ?? []),
    imported: stored.imported ?? 0,
    importedRanges: unflattenRanges(stored.importedRanges ?? []),
    openImport: stored.openImport ?? null,
  };
}

interface StoredHead {
  format: number;
  sequence: number;
  next: number;
  issued: number;
  reserved: number;
  pooled: number;
  void: number;
  time: number;
  chain: string;
  start: number;
  maximum: number;
  reuse: ReusePolicy;
  skipped?: number[];
  imported?: number;
  importedRanges?: number[];
  openImport?: OpenImport;
}

/**
 * Refuses a record that a newer version wrote (F22).
 *
 * @throws SeqdError `unsupported_format`
 */
export function assertFormat(format: unknown, record: string, supported: number = STORED_FORMAT): void {
  if (format === supported) return;
  throw new SeqdError(
    'unsupported_format',
    `The stored ${record} has format ${JSON.stringify(format)}; this version reads format ${supported}. Upgrade this node.`,
    { details: { record, format, supported } },
  );
}
