import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the project's root folder, wherever the command was called from. */
export const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Folder for everything fetched once and kept between runs; git ignores it. */
export const cacheDir = join(projectRoot, '.cache');
