import { join, resolve } from 'node:path';
import { projectRoot } from '../lib/paths.mjs';

/**
 * @typedef {object} PocPlaces where one demonstration keeps its things
 * @property {string} entry the program a node runs
 * @property {string | undefined} demoHost the program that runs the demonstrations
 * @property {string} dataDir everything below is in here
 * @property {string} etcdDir
 * @property {string} pocDir
 * @property {string} logDir
 * @property {string} runFile
 */

/**
 * The demonstration's files. Tests point it at a program and a folder of their own with SEQD_POC_ENTRY and
 * SEQD_POC_DATA_DIR; a program of their own has no demonstrations but those of SEQD_POC_DEMO_HOST.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {PocPlaces}
 */
export function placesOf(env = process.env) {
  const dataDir = resolve(env['SEQD_POC_DATA_DIR'] || join(projectRoot, 'data'));
  const pocDir = join(dataDir, 'poc');
  const ownDemoHost = env['SEQD_POC_ENTRY'] ? undefined : join(projectRoot, 'dist', 'demo', 'demo-host.js');
  return {
    demoHost: env['SEQD_POC_DEMO_HOST'] ? resolve(env['SEQD_POC_DEMO_HOST']) : ownDemoHost,
    entry: resolve(env['SEQD_POC_ENTRY'] || join(projectRoot, 'dist', 'main.js')),
    dataDir,
    etcdDir: join(dataDir, 'etcd-cluster'),
    pocDir,
    logDir: join(pocDir, 'logs'),
    runFile: join(pocDir, 'run.json'),
  };
}
