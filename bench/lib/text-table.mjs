/**
 * Lays out rows in columns: the first column to the left, the others to the right.
 *
 * @param {readonly (readonly string[])[]} rows all of one length, the first one is the heading
 * @returns {string} lines, each with its end
 */
export function textTable(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  const line = /** @param {readonly string[]} row */ row =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const [heading = [], ...rest] = rows;
  return [line(heading), widths.map(width => '─'.repeat(width)).join('  '), ...rest.map(line)]
    .map(text => `${text}\n`)
    .join('');
}

/**
 * A number with as many digits as one reads: `13,724`, `46.1`, `0.87`.
 *
 * @param {number} value
 * @returns {string}
 */
export function shortNumber(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
