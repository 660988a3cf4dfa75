import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../lib/paths.mjs';
import { nodeEnvironment } from './poc-node.mjs';

/** What the nodes run with. */
export const POC_PROFILE = 'ha-poc';

/** What a cluster of our own is compacted to, unless the configuration says more than "somebody else does". */
const OWN_COMPACTION_MINUTES = 2;

/** @typedef {typeof import('../../src/config/index.ts').loadConfig} LoadConfig */

/**
 * @typedef {object} PocSettings what the start script takes from the nodes' configuration
 * @property {string} cluster namespace of the etcd keys
 * @property {boolean} embedded whether to run etcd members of our own
 * @property {string} dataDirectory where these keep their data, absolute
 * @property {string[]} endpoints of the etcd to use when `embedded` is false
 * @property {number} compactionMinutes 0: not by seqd
 * @property {string | null} ledgerUrl of a ledger that is there already
 */

/**
 * Loads the configuration as the nodes will, with the profile they run with, so that its mistakes are named before
 * anything is started. Needs the build.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {import('./places.mjs').PocPlaces} places
 * @param {() => Promise<LoadConfig>} [findLoader] for tests
 * @returns {Promise<PocSettings>}
 * @throws ConfigError naming every mistake
 */
export async function readPocSettings(env, places, findLoader = builtLoader) {
  // A program of its own (tests) has no configuration of ours.
  if (env['SEQD_POC_ENTRY'] !== undefined) {
    const cluster = env['SEQD_CLUSTER'] || POC_PROFILE;
    return {
      cluster,
      embedded: true,
      dataDirectory: places.etcdDir,
      endpoints: [],
      compactionMinutes: 0,
      ledgerUrl: null,
    };
  }
  const loadConfig = await findLoader();
  const { config } = loadConfig({
    profile: POC_PROFILE,
    env: nodeEnvironment(env),
    flags: {},
    cwd: projectRoot,
  });
  const { cluster, etcd, ledger } = config.sequence;
  return {
    cluster,
    embedded: etcd.embedded,
    dataDirectory: env['SEQD_POC_DATA_DIR'] ? places.etcdDir : resolve(projectRoot, etcd.dataDirectory),
    endpoints: [...etcd.endpoints],
    compactionMinutes: etcd.compactionMinutes,
    ledgerUrl: ledger.url,
  };
}

/** @returns {Promise<LoadConfig>} */
async function builtLoader() {
  const path = join(projectRoot, 'dist', 'config', 'index.js');
  const built = /** @type {typeof import('../../src/config/index.ts')} */ (
    await import(pathToFileURL(path).href)
  );
  return built.loadConfig;
}

/**
 * The etcd the user wants used instead of members of our own.
 *
 * @param {readonly string[]} endpoints from the command line or SEQD_ETCD_ENDPOINTS
 * @param {Pick<PocSettings, 'embedded' | 'endpoints'>} settings
 * @returns {string[]} empty: members of our own
 */
export function givenEndpoints(endpoints, settings) {
  return endpoints.length === 0 && !settings.embedded ? [...settings.endpoints] : [...endpoints];
}

/**
 * Variables for the nodes that what the user says in the environment still beats. seqd compacts the history only of
 * a cluster that was started here: in one that was there before, others may still need theirs.
 *
 * @param {{ ownEtcd: boolean, compactionMinutes: number }} choice
 * @returns {Record<string, string>}
 */
export function nodeVariables({ ownEtcd, compactionMinutes }) {
  if (!ownEtcd || compactionMinutes > 0) return {};
  return { SEQD_ETCD_COMPACTION_MINUTES: String(OWN_COMPACTION_MINUTES) };
}
