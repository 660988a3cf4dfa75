import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpGet } from '../lib/http-get.mjs';
import { ManagedProcess, tailOf } from '../lib/managed-process.mjs';
import { projectRoot } from '../lib/paths.mjs';
import { findFreePorts, LOOPBACK } from '../lib/ports.mjs';
import { CAN_PAUSE, Disturbances } from './disturbances.mjs';
import { nodeEnvironment } from './poc-node.mjs';

const READY_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
/** What a demonstration that is under way would put right is ended with everything else. */
const GRACE_MS = 2_000;

/** What the nodes are told when there are no demonstrations, whatever their configuration says. */
export const NO_DEMOS = Object.freeze({ SEQD_DEMO_URL: 'null', SEQD_DEMO_TOKEN: 'null' });

/**
 * The process that runs the demonstrations, beside the nodes, since the nodes it kills must not take it with them (ADR 017), and what it
 * may do to the others. Without it the nodes have everything but demonstrations.
 *
 * States: created → start → close → stop.
 */
export class PocDemos {
  /** @type {ManagedProcess | undefined} */
  #host;
  #port = 0;
  #token = randomBytes(24).toString('base64url');
  /** @type {import('./keep-alive.mjs').Keeper | undefined} */
  #keeper;
  #disturbances;
  /** @type {string | undefined} why it does not run */
  #why;

  /**
   * @param {object} options
   * @param {string} options.script
   * @param {string} options.logDir
   * @param {(target: import('./disturbances.mjs').Target) => import('./disturbances.mjs').Charge | undefined} options.find
   * @param {() => object | undefined} options.cluster what there is to demonstrate on; undefined until everything runs
   * @param {(line: string) => void} options.log
   * @param {() => void} options.onChange
   */
  constructor({ script, logDir, find, cluster, log, onChange }) {
    this.script = script;
    this.logDir = logDir;
    this.cluster = cluster;
    this.log = log;
    this.#disturbances = new Disturbances({ find, log, onChange });
  }

  /** For the nodes. The token is in their environment, in that of the process, and nowhere else. */
  get variables() {
    if (this.#why !== undefined) return NO_DEMOS;
    return { SEQD_DEMO_URL: `http://${LOOPBACK}:${this.#port}`, SEQD_DEMO_TOKEN: this.#token };
  }

  /**
   * For the run file.
   *
   * @returns {import('./run-file.mjs').RunDemos}
   */
  describe() {
    if (this.#why !== undefined) return { pid: 0, why: this.#why };
    return { pid: this.#host?.pid ?? 0, port: this.#port };
  }

  /**
   * Starts the process and waits until it answers, whatever it says: it is complete only once the nodes run. When it does not run,
   * {@link describe} says why.
   *
   * @param {(child: ManagedProcess) => import('./keep-alive.mjs').Keeper} keep
   * @param {AbortSignal} signal
   */
  async start(keep, signal) {
    try {
      await this.#start(keep, signal);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.log(`there are no demonstrations: ${why}`);
      this.#why = why.split('\n', 1)[0] ?? '';
      await this.stop();
    }
  }

  /**
   * @param {(child: ManagedProcess) => import('./keep-alive.mjs').Keeper} keep
   * @param {AbortSignal} signal
   * @throws when there is no such program, or with the end of its log when it does not run
   */
  async #start(keep, signal) {
    if (!existsSync(this.script)) throw new Error(`${this.script} is not there`);
    [this.#port = 0] = await findFreePorts(1);
    signal.throwIfAborted();
    const host = this.#createHost();
    this.#host = host;
    host.onStart(() => this.introduce());
    host.onMessage(message => void this.#disturb(message));
    host.onExit(() => void this.#disturbances.restore());
    await host.start();
    this.#keeper = keep(host);
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while ((await httpGet(`http://${LOOPBACK}:${this.#port}/catalogue`)) === undefined) {
      signal.throwIfAborted();
      if (this.#keeper.failures() > 0 || performance.now() > deadline)
        throw new Error(`their process does not answer; its log ends:\n${tailOf(host.spec.logFile, 5)}`);
      await sleep(POLL_MS);
    }
  }

  /** Tells the process what there is to show; done by itself when it is started again. */
  introduce() {
    const cluster = this.cluster();
    if (cluster !== undefined) this.#host?.send({ type: 'cluster', ...cluster, canPause: CAN_PAUSE });
  }

  /** Nothing is disturbed any more. Idempotent. */
  close() {
    this.#disturbances.close();
  }

  /** Ends the process. */
  async stop() {
    this.close();
    this.#keeper?.release();
    await this.#host?.stop({ graceMs: GRACE_MS });
  }

  #createHost() {
    return new ManagedProcess({
      name: 'demo-host',
      command: process.execPath,
      // The argument is there to be recognised by.
      args: [this.script, `--port=${this.#port}`],
      env: {
        ...withoutSettings(process.env),
        SEQD_DEMO_HOST_PORT: String(this.#port),
        SEQD_DEMO_TOKEN: this.#token,
      },
      cwd: projectRoot,
      logFile: join(this.logDir, 'demo-host.log'),
      ipc: true,
    });
  }

  /** @param {unknown} message */
  async #disturb(message) {
    const asker = this.#host?.pid;
    const answer = await this.#disturbances.carryOut(message);
    // One that was started again meanwhile has not asked; it counts its own orders from 1, too.
    if (answer !== undefined && this.#host?.pid === asker) this.#host?.send(answer);
  }
}

/**
 * Settings of nodes, secrets among them, are none of its business.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function withoutSettings(env) {
  return Object.fromEntries(
    Object.entries(nodeEnvironment(env)).filter(
      ([name]) => !name.startsWith('SEQD_') && name !== 'DATABASE_URL',
    ),
  );
}
