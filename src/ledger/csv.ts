/** What makes a spreadsheet take a cell for a formula, when it comes first. */
const FORMULA = /^[=+\-@\t\r\n]/;

/**
 * A record in CSV (RFC 4180), without its line end. A text that a spreadsheet would run as a formula gets a `'` before it, which
 * spreadsheets take as "this is text"; numbers are left alone.
 */
export function csvRecord(cells: readonly (string | number | null)[]): string {
  return cells.map(csvCell).join(',');
}

function csvCell(cell: string | number | null): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
