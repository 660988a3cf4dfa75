import { rmSync } from 'node:fs';
import { mkdtemp, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
// Ends its children when the process ends: before their data goes, as it is asked for first.
import '../../scripts/lib/managed-process.mjs';

/** Linux keeps what is written here in memory. */
const MEMORY = '/dev/shm';
/** A container may have 64 MB of it, which is one write-ahead log; a cluster takes 400 MB. */
const FREE_BYTES_MIN = 4 * 1024 ** 3;

const made = new Set<string>();

/**
 * A new directory for the data of a server that tests start, removed by whoever asks for it, at the latest with the process: in memory where
 * there is enough. etcd waits for the disk at each commit, and a disk that others keep busy lets it wait for seconds, in which leases end and
 * tests of leadership fail. What a process has written outlives its kill either way; tests end processes, not machines.
 */
export async function makeDataDirectory(name: string): Promise<string> {
  const prefix = `seqd-${name}-`;
  const inMemory = (await memoryBytes()) >= FREE_BYTES_MIN;
  const directory = inMemory
    ? await mkdtemp(join(MEMORY, prefix)).catch(() => mkdtemp(join(tmpdir(), prefix)))
    : await mkdtemp(join(tmpdir(), prefix));
  if (made.size === 0) process.once('exit', removeAll);
  made.add(directory);
  return directory;
}

/** How much of it there is, both of what may be written there and of what there is at all. */
async function memoryBytes(): Promise<number> {
  const free = await statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  // What the limits of a container leave, where Node can tell.
  return Math.min(free, process.availableMemory?.() ?? freemem());
}

function removeAll(): void {
  for (const directory of made) rmSync(directory, { recursive: true, force: true, maxRetries: 2 });
}
