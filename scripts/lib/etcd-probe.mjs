import { parseEtcdVersion } from './etcd-version.mjs';
import { runCommand } from './run-command.mjs';

/**
 * The environment an etcd member needs. etcd 3.4 refuses to run on arm64 unless told to; newer ones ignore
 * the variable. All other ETCD_ variables are dropped: etcd reads them as flags, and a setting meant for
 * another cluster must not reach ours.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [arch]
 * @returns {NodeJS.ProcessEnv}
 */
export function etcdEnvironment(env = process.env, arch = process.arch) {
  const kept = Object.entries(env).filter(([name]) => !name.toUpperCase().startsWith('ETCD_'));
  return {
    ...Object.fromEntries(kept),
    ...(arch === 'arm64' ? { ETCD_UNSUPPORTED_ARCH: 'arm64' } : {}),
  };
}

/**
 * Asks a program whether it is etcd and which version.
 *
 * @param {string} bin path, or a name to look up on PATH
 * @returns {Promise<string | undefined>} such as `3.6.14`; undefined when it does not run or is not etcd
 */
export async function probeEtcdVersion(bin) {
  const result = await runCommand(bin, ['--version'], { env: etcdEnvironment(), timeoutMs: 10_000 });
  if (result.code !== 0) return undefined;
  const version = parseEtcdVersion(result.stdout);
  return version && `${version.major}.${version.minor}.${version.patch}`;
}
