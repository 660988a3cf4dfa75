import { join } from 'node:path';
import { etcdEnvironment } from './etcd-probe.mjs';
import { httpGet } from './http-get.mjs';
import { ManagedProcess, tailOf } from './managed-process.mjs';
import { LOOPBACK } from './ports.mjs';

/** @typedef {{ name: string, clientPort: number, peerPort: number }} MemberPlan */

/** Members look for each other every 100 ms and elect a new leader after a second of silence. */
const HEARTBEAT_MS = 100;
const ELECTION_TIMEOUT_MS = 1_000;
const QUOTA_BYTES = 2 * 1024 ** 3;
/**
 * seqd rewrites its head with every commit, so a busy demo makes hundreds of thousands of revisions an hour.
 * Five minutes keep more than any watcher needs to catch up, and keep the file far below its quota.
 */
const COMPACTION_RETENTION = '5m';

/**
 * One etcd member: a process, its address and its data, which survives restarts.
 *
 * `stop`, `kill`, `pause`, `resume` and `restart` are those of `ManagedProcess`.
 */
export class EtcdMember extends ManagedProcess {
  /**
   * @param {{ bin: string, dataDir: string, logDir: string, token: string, plan: MemberPlan, all: readonly MemberPlan[], extraArgs: readonly string[] }} options
   *   `extraArgs` come last, and etcd lets the last of two equal flags win
   */
  constructor({ bin, dataDir, logDir, token, plan, all, extraArgs }) {
    const clientUrl = urlOf(plan.clientPort);
    const peerUrl = urlOf(plan.peerPort);
    const logFile = join(logDir, `${plan.name}.log`);
    super({
      name: plan.name,
      command: bin,
      args: [
        `--name=${plan.name}`,
        `--data-dir=${join(dataDir, plan.name)}`,
        `--listen-client-urls=${clientUrl}`,
        `--advertise-client-urls=${clientUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=${all.map(member => `${member.name}=${urlOf(member.peerPort)}`).join(',')}`,
        '--initial-cluster-state=new',
        `--initial-cluster-token=${token}`,
        `--heartbeat-interval=${HEARTBEAT_MS}`,
        `--election-timeout=${ELECTION_TIMEOUT_MS}`,
        `--quota-backend-bytes=${QUOTA_BYTES}`,
        '--auto-compaction-mode=periodic',
        `--auto-compaction-retention=${COMPACTION_RETENTION}`,
        '--logger=zap',
        '--log-level=warn',
        ...extraArgs,
      ],
      env: etcdEnvironment(),
      cwd: dataDir,
      logFile,
    });
    this.name = plan.name;
    this.clientUrl = clientUrl;
    this.clientPort = plan.clientPort;
    this.dataDir = join(dataDir, plan.name);
    this.logFile = logFile;
  }

  /**
   * Asks the member whether it can serve, which needs a leader and so a quorum.
   *
   * @param {number} [timeoutMs]
   * @returns {Promise<boolean>}
   */
  async healthy(timeoutMs = 1_000) {
    const answer = await httpGet(`${this.clientUrl}/health`, timeoutMs);
    // 3.4 says {"health":"true"}, later ones may say {"health":true}.
    return answer?.status === 200 && /"health":\s*"?true/.test(answer.body);
  }

  /** The end of the member's log, for error messages. */
  tail() {
    return tailOf(this.logFile);
  }
}

/** @param {number} port */
function urlOf(port) {
  return `http://${LOOPBACK}:${port}`;
}
