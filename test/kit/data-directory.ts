import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux keeps what is written here in memory. */
const MEMORY = '/dev/shm';
/** A container may have 64 MB of it, which is one write-ahead log. */
const FREE_BYTES_MIN = 4 * 1024 ** 3;

/**
 * A new directory for the data of a server that tests start, removed by whoever asks for it: in memory where there is enough. etcd waits
 * for the disk at each commit, and a disk that others keep busy lets it wait for seconds, in which leases end and tests of leadership
 * fail. What a process has written outlives its kill either way; tests end processes, not machines.
 */
export async function makeDataDirectory(name: string): Promise<string> {
  const free = await statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return mkdtemp(join(free >= FREE_BYTES_MIN ? MEMORY : tmpdir(), `seqd-${name}-`));
}
