import { createHash } from 'node:crypto';
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addToEtcdCache, ETCD_FILE } from './etcd-cache.mjs';
import { runCommand } from './run-command.mjs';

/** The etcd release that this project fetches. */
export const RELEASE_VERSION = '3.6.14';

/**
 * SHA-256 digests known beforehand, by archive name. An archive named here must match this as well as the
 * release's own SHA256SUMS file. Empty until somebody has compared them on a machine with internet access:
 * a digest copied from memory would be worse than none.
 *
 * @type {Readonly<Record<string, string>>}
 */
const PINNED_DIGESTS = Object.freeze({});

const BASE_URL = `https://github.com/etcd-io/etcd/releases/download/v${RELEASE_VERSION}`;

/** A machine without internet must get past this source quickly. */
const CONNECT_TIMEOUT_MS = 5_000;
const DOWNLOAD_TIMEOUT_MS = 300_000;

const OS_NAMES = Object.freeze({ linux: 'linux', darwin: 'darwin', win32: 'windows' });
const ARCH_NAMES = Object.freeze({ x64: 'amd64', arm64: 'arm64' });

/**
 * Name of the release's archive for a system.
 *
 * @param {string} platform as in `process.platform`
 * @param {string} arch as in `process.arch`
 * @returns {{ folder: string, archive: string } | undefined} undefined where etcd publishes no build
 */
export function releaseArchive(platform, arch) {
  const os = OS_NAMES[/** @type {keyof typeof OS_NAMES} */ (platform)];
  const cpu = ARCH_NAMES[/** @type {keyof typeof ARCH_NAMES} */ (arch)];
  if (os === undefined || cpu === undefined) return undefined;
  if (os === 'windows' && cpu === 'arm64') return undefined;
  const folder = `etcd-v${RELEASE_VERSION}-${os}-${cpu}`;
  return { folder, archive: `${folder}${os === 'linux' ? '.tar.gz' : '.zip'}` };
}

/**
 * Finds a file's digest in the text of a SHA256SUMS file.
 *
 * @param {string} sums
 * @param {string} file
 * @returns {string | undefined} 64 hexadecimal digits, lower case
 */
export function digestFor(sums, file) {
  for (const line of sums.split('\n')) {
    const match = /^([0-9a-fA-F]{64})\s+\*?(\S+)\s*$/.exec(line);
    if (match?.[2] === file) return match[1]?.toLowerCase();
  }
  return undefined;
}

/**
 * Downloads the pinned official release, checks it and adds it to the cache.
 *
 * @param {(line: string) => void} log
 * @returns {Promise<{ bin: string, version: string }>}
 * @throws when there is no build for this system, no way to reach it, or the digest differs
 */
export async function downloadEtcdRelease(log) {
  const release = releaseArchive(process.platform, process.arch);
  if (release === undefined)
    throw new Error(`etcd publishes no build for ${process.platform}/${process.arch}`);
  const { folder, archive } = release;
  const sums = (await download(`${BASE_URL}/SHA256SUMS`)).toString('utf8');
  const expected = digestFor(sums, archive);
  if (expected === undefined) throw new Error(`${archive} is not in the release's SHA256SUMS`);
  log(`downloading ${archive}`);
  const bytes = await download(`${BASE_URL}/${archive}`);
  verifyDigest(archive, bytes, expected);

  const bin = await addToEtcdCache(folder, async (workDir, entryDir) => {
    await writeFile(join(workDir, archive), bytes);
    // Every system with etcd builds has a tar that reads its own archive format, zip included.
    const unpacked = await runCommand('tar', ['-xf', archive], { cwd: workDir });
    if (unpacked.code !== 0) throw new Error(`cannot unpack ${archive}: ${unpacked.stderr.trim()}`);
    await copyFile(join(workDir, folder, ETCD_FILE), join(entryDir, ETCD_FILE));
    await chmod(join(entryDir, ETCD_FILE), 0o755);
    await writeFile(join(entryDir, 'LICENSE.txt'), await licenseOf(workDir, folder));
  });
  return { bin, version: RELEASE_VERSION };
}

/**
 * @param {string} archive
 * @param {Uint8Array} bytes
 * @param {string} expected
 */
function verifyDigest(archive, bytes, expected) {
  const actual = createHash('sha256').update(bytes).digest('hex');
  const pinned = PINNED_DIGESTS[archive] ?? expected;
  if (actual !== expected || actual !== pinned)
    throw new Error(`${archive} has digest ${actual}, expected ${expected}; not used`);
}

/**
 * @param {string} workDir
 * @param {string} folder
 */
function licenseOf(workDir, folder) {
  return readFile(join(workDir, folder, 'LICENSE')).catch(() => 'etcd: Apache License 2.0\n');
}

/**
 * @param {string} url
 * @returns {Promise<Buffer>}
 */
async function download(url) {
  const controller = new AbortController();
  let timer = setTimeout(() => controller.abort(new Error('no answer')), CONNECT_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: controller.signal });
    clearTimeout(timer);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    timer = setTimeout(() => controller.abort(new Error('too slow')), DOWNLOAD_TIMEOUT_MS);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`cannot fetch ${url}: ${reasonOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** @param {unknown} error */
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
