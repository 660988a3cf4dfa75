import { findCachedEtcd } from './etcd-cache.mjs';
import { unpackDebianEtcd } from './etcd-debian.mjs';
import { probeEtcdVersion } from './etcd-probe.mjs';
import { downloadEtcdRelease, RELEASE_VERSION } from './etcd-release.mjs';
import { isBelowProductionFloor, isSupportedEtcd, OLDEST_SUPPORTED } from './etcd-version.mjs';
import { runCommand } from './run-command.mjs';

/**
 * @typedef {'env' | 'path' | 'cache' | 'release' | 'debian'} BinarySource where a program came from
 * @typedef {{ bin: string, version: string, source: BinarySource }} EtcdBinary an etcd to start ourselves
 * @typedef {{ bin: undefined, version: string, source: 'docker' }} EtcdInDocker no program, but Docker can
 *   run docker-compose.etcd.yml
 * @typedef {EtcdBinary | EtcdInDocker} Etcd
 * @typedef {(line: string) => void} Log
 */

/**
 * @typedef {object} EtcdSource one place etcd can come from
 * @property {Etcd['source']} name
 * @property {(log: Log) => Promise<{ bin?: string | undefined, version: string } | undefined>} find gives
 *   undefined when there is nothing, throws with the reason when the attempt failed
 * @property {boolean} [required] a failure is final: the user asked for exactly this one
 */

/**
 * Makes sure that there is an etcd to run, fetching one when needed. Calling it again is cheap, and several
 * processes may call it at once.
 *
 * @param {{ log?: Log, sources?: readonly EtcdSource[] }} [options] `sources` is for tests
 * @returns {Promise<Etcd>}
 * @throws one error that lists what was tried and says what to install
 */
export async function ensureEtcd({ log = () => {}, sources = defaultSources() } = {}) {
  /** @type {string[]} */
  const tried = [];
  for (const source of sources) {
    try {
      const found = await source.find(log);
      if (found === undefined) continue;
      if (!isSupportedEtcd(found.version))
        throw new Error(`etcd ${found.version} is older than ${OLDEST_SUPPORTED}`);
      warnBelowFloor(found.version, log);
      return toEtcd(source.name, found);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (source.required) throw new Error(reason, { cause: error });
      tried.push(`  - ${source.name}: ${reason}`);
    }
  }
  throw new Error(
    [
      'No etcd found, and none could be fetched.',
      ...tried,
      `Install etcd ${RELEASE_VERSION} (https://github.com/etcd-io/etcd/releases) so that "etcd" is on PATH,`,
      'or set ETCD_BIN=/path/to/etcd, or start Docker, or use a running cluster with --endpoints.',
    ].join('\n'),
  );
}

/**
 * Like `ensureEtcd`, for callers that must be able to start and kill members themselves.
 *
 * @param {{ log?: Log }} [options]
 * @returns {Promise<EtcdBinary>}
 * @throws when only Docker could run etcd
 */
export async function ensureEtcdBinary(options = {}) {
  const sources = defaultSources().filter(source => source.name !== 'docker');
  const etcd = await ensureEtcd({ ...options, sources });
  if (etcd.source === 'docker') throw new Error('unreachable: docker is not among the sources');
  return etcd;
}

/** @returns {EtcdSource[]} in the order in which they are tried */
export function defaultSources() {
  return [
    { name: 'env', required: true, find: () => fromEnvironment(process.env['ETCD_BIN']) },
    { name: 'path', find: () => fromPath() },
    { name: 'cache', find: () => findCachedEtcd() },
    { name: 'release', find: downloadEtcdRelease },
    { name: 'debian', find: unpackDebianEtcd },
    { name: 'docker', find: () => fromDocker() },
  ];
}

/** @param {string | undefined} bin */
async function fromEnvironment(bin) {
  if (bin === undefined || bin === '') return undefined;
  const version = await probeEtcdVersion(bin);
  if (version === undefined) throw new Error(`ETCD_BIN=${bin} is not an etcd that runs here`);
  return { bin, version };
}

async function fromPath() {
  const version = await probeEtcdVersion('etcd');
  return version === undefined ? undefined : { bin: 'etcd', version };
}

async function fromDocker() {
  const info = await runCommand('docker', ['compose', 'version'], { timeoutMs: 10_000 });
  if (info.code !== 0) throw new Error('no Docker with the compose command');
  const server = await runCommand('docker', ['version', '--format', '{{.Server.Version}}'], {
    timeoutMs: 10_000,
  });
  if (server.code !== 0) throw new Error('the Docker daemon is not running');
  return { version: RELEASE_VERSION };
}

/**
 * @param {Etcd['source']} source
 * @param {{ bin?: string | undefined, version: string }} found
 * @returns {Etcd}
 */
function toEtcd(source, found) {
  if (source === 'docker') return { bin: undefined, version: found.version, source };
  if (found.bin === undefined) throw new Error(`no program from ${source}`);
  return { bin: found.bin, version: found.version, source };
}

/**
 * @param {string} version
 * @param {Log} log
 */
function warnBelowFloor(version, log) {
  if (!isBelowProductionFloor(version)) return;
  log(
    `warning: etcd ${version} is below the production floor (3.5.33 or 3.6.14); fine for a demo or tests, not for production`,
  );
}
