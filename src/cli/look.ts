import type { Environment } from '../config/index.ts';
import type { OutputStream } from './context.ts';

/** How texts are shown: with emphasis on a terminal, as they are elsewhere. */
export interface Look {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  /** Whether what was written can be written over. */
  readonly live: boolean;
  /** How wide it is; infinite where lines are not broken. */
  readonly columns: number;
}

const COLUMNS_DEFAULT = 80;

const as =
  (begin: number, end: number) =>
  (text: string): string =>
    `\x1b[${begin}m${text}\x1b[${end}m`;
const asItIs = (text: string): string => text;

const EMPHASIS = { bold: as(1, 22), dim: as(2, 22), green: as(32, 39), red: as(31, 39) };
const NONE = { bold: asItIs, dim: asItIs, green: asItIs, red: asItIs };

/** What a stream can show. People switch emphasis off with `NO_COLOR` (no-color.org). */
export function lookOf({ isTTY, columns }: OutputStream, env: Environment): Look {
  if (isTTY !== true) return { ...NONE, live: false, columns: Infinity };
  const live = env['TERM'] !== 'dumb';
  const emphasis = live && !env['NO_COLOR'] ? EMPHASIS : NONE;
  return { ...emphasis, live, columns: columns || COLUMNS_DEFAULT };
}
