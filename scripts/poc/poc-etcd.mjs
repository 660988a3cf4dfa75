import { join } from 'node:path';
import { startEtcdCluster } from '../lib/etcd-cluster.mjs';
import { httpGet } from '../lib/http-get.mjs';
import { projectRoot } from '../lib/paths.mjs';
import { runCommand } from '../lib/run-command.mjs';

/**
 * @typedef {{ source: 'given', version: string, endpoints: string[] }} GivenEtcd
 * @typedef {(import('../lib/etcd-binary.mjs').Etcd) | GivenEtcd} EtcdChoice which etcd the nodes use
 */

/**
 * @typedef {object} PocEtcd an etcd that has been started, or was there already
 * @property {string[]} endpoints
 * @property {readonly import('../lib/etcd-member.mjs').EtcdMember[]} members those that are our children
 * @property {() => Promise<void>} ready returns when it serves, throws when it will not
 * @property {() => Promise<void>} close ends what was started here
 */

const GIVEN_TIMEOUT_MS = 5_000;

/**
 * Starts the etcd that was chosen; nothing is started for one given by the user.
 *
 * @param {EtcdChoice} choice
 * @param {{ plan: import('./plan.mjs').PocPlan, etcdDir: string, logDir: string, log: (line: string) => void }} options
 * @returns {Promise<PocEtcd>}
 */
export async function startPocEtcd(choice, { plan, etcdDir, logDir, log }) {
  if (choice.source === 'given') return givenEtcd(choice.endpoints);
  if (choice.source === 'docker') return dockerEtcd(plan.etcdClientPorts);
  return startEtcdCluster({
    bin: choice.bin,
    dataDir: etcdDir,
    logDir,
    clientPorts: plan.etcdClientPorts,
    peerPorts: plan.etcdPeerPorts,
    log,
  });
}

/**
 * @param {string[]} endpoints
 * @returns {PocEtcd}
 */
function givenEtcd(endpoints) {
  return {
    endpoints,
    members: [],
    close: async () => {},
    ready: async () => {
      // Behind TLS only the nodes know how to connect; their own readiness tells then.
      if (endpoints.some(endpoint => endpoint.startsWith('https:'))) return;
      const answers = await Promise.all(
        endpoints.map(endpoint =>
          httpGet(`${endpoint.includes('://') ? '' : 'http://'}${endpoint}/health`, GIVEN_TIMEOUT_MS),
        ),
      );
      if (answers.every(answer => answer?.status !== 200))
        throw new Error(`no etcd serves at ${endpoints.join(', ')}`);
    },
  };
}

/**
 * @param {readonly number[]} ports
 * @returns {Promise<PocEtcd>}
 */
async function dockerEtcd(ports) {
  const compose = ['compose', '-f', join(projectRoot, 'docker-compose.etcd.yml')];
  const env = {
    ...process.env,
    ...Object.fromEntries(ports.map((port, index) => [`ETCD_${index + 1}_PORT`, String(port)])),
  };
  /** @param {string[]} args */
  const run = async args => {
    const result = await runCommand('docker', [...compose, ...args], { env, timeoutMs: 300_000 });
    if (result.code !== 0) throw new Error(`docker compose ${args[0]}: ${result.stderr.trim()}`);
  };
  return {
    endpoints: ports.map(port => `http://127.0.0.1:${port}`),
    members: [],
    ready: () => run(['up', '--detach', '--wait']),
    close: () => run(['stop']),
  };
}

/** Deletes the data of the members in Docker; other members' data is in their folder. */
export async function resetDockerEtcd() {
  await runCommand('docker', [
    'compose',
    '-f',
    join(projectRoot, 'docker-compose.etcd.yml'),
    'down',
    '--volumes',
  ]);
}
