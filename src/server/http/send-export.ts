import type { ServerResponse } from 'node:http';
import { auditRow } from '../../ledger/audit/audit-row.ts';
import type { AuditEnd } from '../../ledger/audit/audit-stream.ts';
import { expand } from '../../ledger/audit/expand.ts';
import { type ExportFormat, ExportText, EXPORT_TYPES } from '../../ledger/audit/export-text.ts';
import type { LedgerFact } from '../../ports/ledger-reader.ts';
import { drained } from './deadline.ts';

/** Rows made into text at a time: a run of 100,000 numbers must not become one string. */
const ROWS_MAX = 1_000;

/**
 * Sends an export as fast as it is read and no faster, with a chunk in memory. If anything fails once it has begun, the
 * connection is cut, so that nobody takes what came for all.
 *
 * @param chunks not asked for before the answer begins; ended when the client is gone. What it returns is for the last line
 */
export async function sendExport(
  response: ServerResponse,
  chunks: AsyncGenerator<readonly LedgerFact[], AuditEnd>,
  options: {
    readonly format: ExportFormat;
    readonly expanded: boolean;
    readonly fileName: string;
    readonly gone: AbortSignal;
  },
): Promise<void> {
  const { format, expanded, fileName, gone } = options;
  const text = new ExportText(format);
  let begun = false;
  try {
    for (;;) {
      const read = await chunks.next();
      if (gone.aborted) return;
      // What fails before the first rows are there is still answered as a problem.
      if (!begun) begin(response, format, fileName);
      if (!begun) await write(response, text.begin(), gone);
      begun = true;
      if (read.done === true) {
        response.end(text.end(read.value));
        return;
      }
      for (const rows of inPieces(read.value, expanded))
        await write(response, text.chunk(rows.map(auditRow)), gone);
      if (gone.aborted) return;
    }
  } finally {
    // Frees its connection, wherever it is; nothing when it has ended.
    await chunks.return({ from: 1, behindLedger: false });
  }
}

function begin(response: ServerResponse, format: ExportFormat, fileName: string): void {
  response.writeHead(200, {
    'content-type': EXPORT_TYPES[format],
    'content-disposition': `attachment; filename="${fileName}"`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
}

function* inPieces(chunk: readonly LedgerFact[], expanded: boolean): Generator<LedgerFact[]> {
  let piece: LedgerFact[] = [];
  for (const row of chunk) {
    for (const one of expanded ? expand(row) : [row]) {
      piece.push(one);
      if (piece.length < ROWS_MAX) continue;
      yield piece;
      piece = [];
    }
  }
  if (piece.length > 0) yield piece;
}

async function write(response: ServerResponse, text: string, gone: AbortSignal): Promise<void> {
  if (text === '' || gone.aborted || response.write(text)) return;
  await drained(response, gone).catch((error: unknown) => {
    if (!gone.aborted) throw error;
  });
}
