import type { OutputStream } from './context.ts';

/** Prints one JSON document, indented for people, ending in a newline. */
export function printJson(stream: OutputStream, document: unknown): void {
  stream.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** Prints lines, each ending in a newline. */
export function printLines(stream: OutputStream, lines: readonly string[]): void {
  if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
}

/**
 * Aligns rows in columns, two spaces apart, numbers (and only those) to the right. The first row is the header.
 */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, String(cell).length);
    }
  }
  const body = rows.slice(1);
  const numeric = widths.map(
    (_, column) => body.length > 0 && body.every(row => typeof row[column] === 'number'),
  );
  return rows.map(row =>
    row
      .map((cell, column) => {
        const text = String(cell);
        return numeric[column] === true ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
      })
      .join('  ')
      .trimEnd(),
  );
}

/**
 * Lets a reader of our output go away (`seqd stats | head -1`) without an uncaught error.
 *
 * @param stream a process stream; what is written to it after that is lost
 */
export function ignoreBrokenPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
