import { createHash, type Hash } from 'node:crypto';
import { AUDIT_COLUMNS, type AuditRow } from './audit-row.ts';
import { csvRecord } from './csv.ts';

/** How the audit trail is exported. `json` is a JSON document a line (NDJSON), so that it can be read while it comes. */
export type ExportFormat = 'csv' | 'json';

/** Content types of exports. */
export const EXPORT_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/x-ndjson; charset=utf-8',
};

/**
 * The text of an export, piece by piece. Only a complete one ends in the last line, which counts its rows and has the SHA-256 of
 * all bytes before: one that was cut off, or changed, is known by it ({@link ExportCheck}).
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

  end(): string {
    const sha256 = this.hash.digest('hex');
    return this.format === 'csv'
      ? `# complete rows=${this.rows} sha256=${sha256}\r\n`
      : `${JSON.stringify({ complete: true, rows: this.rows, sha256 })}\n`;
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
    return { complete: true, ...said };
  }
}

function parseEnd(line: string): { rows: number; sha256: string } | undefined {
  const match = CSV_END.exec(line);
  if (match !== null) return { rows: Number(match[1]), sha256: match[2]! };
  try {
    const { complete, rows, sha256 } = JSON.parse(line) as Record<string, unknown>;
    if (complete === true && typeof rows === 'number' && typeof sha256 === 'string') return { rows, sha256 };
  } catch {
    // Not the end of an export.
  }
  return undefined;
}
