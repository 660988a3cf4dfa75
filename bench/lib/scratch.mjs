import { rmSync } from 'node:fs';
import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TMPFS = 0x01021994;

/** @type {Set<string>} */
const made = new Set();

// Runs after the processes that wrote there were killed: their own exit hooks were registered earlier.
process.on('exit', () => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
});

/**
 * Makes an empty directory on a disk; it is deleted when this process ends. In memory (tmpfs) a flush to disk would
 * cost nothing, and every figure here would be wrong.
 *
 * @param {string} name
 * @returns {Promise<string>}
 * @throws when no temporary directory is on a disk; TMPDIR can name one
 */
export async function makeScratch(name) {
  for (const parent of [tmpdir(), '/var/tmp']) {
    const type = await statfs(parent).then(
      stat => stat.type,
      () => TMPFS,
    );
    if (type === TMPFS) continue;
    const directory = await mkdtemp(join(parent, `seqd-${name}-`));
    made.add(directory);
    return directory;
  }
  throw new Error('no temporary directory on a disk: set TMPDIR to one');
}
