import { createHash, type Hash } from 'node:crypto';
import { AUDIT_COLUMNS, type AuditRow } from './audit-row.ts';
import type { AuditEnd } from './audit-stream.ts';
import { csvRecord } from '../csv.ts';

/** How the audit trail is exported. `json` is a JSON document a line (NDJSON), so that it can be read while it comes. */
export type ExportFormat = 'csv' | 'json';

/** Content types of exports. */
export const EXPORT_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/x-ndjson; charset=utf-8',
};

/**
 * The text of an export, piece by piece. Its last line counts its rows and has the SHA-256 of all bytes before: one that was cut
 * off, or changed, is known by it ({@link ExportCheck}). One that does not have everything says so there: `complete=false`.
 */
export class ExportText {
  private readonly format: ExportFormat;
  private readonly hash = createHash('sha256');
  private rows = 0;

  constructor(format: ExportFormat) {
    this.format = format;
  }

  begin(): string {
    return this.format === 'csv' ? this.hashed(`${csvRecord(AUDIT_COLUMNS)}\r\n`) : '';
  }

  chunk(rows: readonly AuditRow[]): string {
    this.rows += rows.length;
    const lines =
      this.format === 'csv'
        ? rows.map(row => `${csvRecord(AUDIT_COLUMNS.map(column => row[column]))}\r\n`)
        : rows.map(row => `${JSON.stringify(row)}\n`);
    return this.hashed(lines.join(''));
  }

  end({ from, behindLedger }: AuditEnd = WHOLE): string {
    const sha256 = this.hash.digest('hex');
    if (from > 1 || behindLedger) return this.endOfPart({ from, behindLedger }, sha256);
    return this.format === 'csv'
      ? `# complete rows=${this.rows} sha256=${sha256}\r\n`
      : `${JSON.stringify({ complete: true, rows: this.rows, sha256 })}\n`;
  }

  private endOfPart({ from, behindLedger }: AuditEnd, sha256: string): string {
    const { format, rows } = this;
    if (format === 'json') {
      const why = { ...(from > 1 ? { from } : {}), ...(behindLedger ? { behindLedger } : {}) };
      return `${JSON.stringify({ complete: false, ...why, rows, sha256 })}\n`;
    }
    const why = `${from > 1 ? ` from=${from}` : ''}${behindLedger ? ' behind-ledger' : ''}`;
    return `# complete=false${why} rows=${rows} sha256=${sha256}\r\n`;
  }

  private hashed(text: string): string {
    this.hash.update(text);
    return text;
  }
}

/** What became of a check. */
export type ExportVerdict =
  | { readonly complete: true; readonly rows: number; readonly sha256: string }
  | { readonly complete: false; readonly reason: string };

const WHOLE: AuditEnd = { from: 1, behindLedger: false };

const CSV_END_OF_PART =
  /^# complete=false(?: from=(\d{1,16}))?( behind-ledger)? rows=(\d{1,16}) sha256=([0-9a-f]{64})\r?\n?$/;
const CSV_END = /^# complete rows=(\d{1,16}) sha256=([0-9a-f]{64})\r?\n?$/;
/** A last line is never longer. */
const END_BYTES_MAX = 200;

/** Tells whether an export is whole. Feed all bytes in order, then ask. Holds back the last line only. */
export class ExportCheck {
  private readonly hash: Hash = createHash('sha256');
  /** What may be the last line, not hashed yet. */
  private held = Buffer.alloc(0);
  private bytes = 0;

  feed(chunk: Buffer): void {
    this.bytes += chunk.length;
    const all = Buffer.concat([this.held, chunk]);
    const keep = Math.max(0, all.length - END_BYTES_MAX);
    this.hash.update(all.subarray(0, keep));
    this.held = all.subarray(keep);
  }

  verdict(): ExportVerdict {
    if (this.bytes === 0) return { complete: false, reason: 'the file is empty' };
    const begin = this.held.lastIndexOf('\n', this.held.length - 2) + 1;
    const line = this.held.subarray(begin).toString('utf8');
    const said = parseEnd(line);
    if (said === undefined)
      return {
        complete: false,
        reason: 'its last line is not the one that a complete export ends with: it was cut off',
      };
    if (this.held.at(-1) !== 0x0a) return { complete: false, reason: 'its last line was cut off' };
    const sha256 = this.hash.update(this.held.subarray(0, begin)).digest('hex');
    if (sha256 !== said.sha256)
      return { complete: false, reason: 'it was changed after it was made: its SHA-256 is another one' };
    const { end, rows } = said;
    if (end.behindLedger || end.from > 1) return { complete: false, reason: explainPart(end) };
    return { complete: true, rows, sha256 };
  }
}

function explainPart({ from, behindLedger }: AuditEnd): string {
  const reasons = [
    ...(from > 1
      ? [`of what happened before batch ${from} some is neither in a ledger nor in the journal`]
      : []),
    ...(behindLedger ? ['etcd was behind the ledger when it was made (see "seqd recover")'] : []),
  ];
  return `it says itself that it does not have everything: ${reasons.join('; ')}`;
}

interface LastLine {
  readonly rows: number;
  readonly sha256: string;
  readonly end: AuditEnd;
}

function parseEnd(line: string): LastLine | undefined {
  const match = CSV_END.exec(line);
  if (match !== null) return { rows: Number(match[1]), sha256: match[2]!, end: WHOLE };
  const part = CSV_END_OF_PART.exec(line);
  if (part !== null && (part[1] !== undefined || part[2] !== undefined))
    return {
      rows: Number(part[3]),
      sha256: part[4]!,
      end: { from: Number(part[1] ?? 1), behindLedger: part[2] !== undefined },
    };
  try {
    const { complete, rows, sha256, from, behindLedger } = JSON.parse(line) as Record<string, unknown>;
    if (typeof rows !== 'number' || typeof sha256 !== 'string') return undefined;
    if (complete === true) return { rows, sha256, end: WHOLE };
    if (complete === false && (typeof from === 'number' || behindLedger === true))
      return {
        rows,
        sha256,
        end: { from: typeof from === 'number' ? from : 1, behindLedger: behindLedger === true },
      };
  } catch {
    // Not the end of an export.
  }
  return undefined;
}
