import { suggest } from '../../config/suggest.ts';
import { usageError } from '../cli-error.ts';

const COLUMNS_SHOWN = 20;

/** The place of a column. @throws CliError that names the columns there are, and the one that may have been meant */
export function findColumn(name: string, columns: readonly string[]): number {
  const at = columns.indexOf(name);
  if (at >= 0 && columns.lastIndexOf(name) !== at)
    throw usageError(`there are several columns called ${JSON.stringify(name)}`);
  if (at >= 0) return at;
  const similar = suggest(name, columns);
  const hint = similar === undefined ? '.' : `; did you mean ${JSON.stringify(similar)}?`;
  const shown = columns.slice(0, COLUMNS_SHOWN).map(column => JSON.stringify(column));
  if (columns.length > COLUMNS_SHOWN) shown.push('…');
  // Quoted, since the only column is the whole line when the delimiter is another one.
  const there = `${columns.length === 1 ? 'The only column is' : 'The columns are'} ${shown.join(', ')}`;
  throw usageError(`there is no column ${JSON.stringify(name)}${hint} ${there}`);
}
