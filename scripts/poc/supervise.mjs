import { mkdir } from 'node:fs/promises';
import { describeBusyPorts, findBusyPorts } from '../lib/ports.mjs';
import { keepAlive } from './keep-alive.mjs';
import { keepLogsSmall, rotateLogs } from './logs.mjs';
import { OwnRun } from './own-run.mjs';
import { NO_DEMOS, PocDemos } from './poc-demos.mjs';
import { createPocNode, waitUntilNodeReady } from './poc-node.mjs';
import { startPocEtcd } from './poc-etcd.mjs';
import { RunLedger } from './run-ledger.mjs';

/** @typedef {import('./launch.mjs').SupervisorConfig} SupervisorConfig */
/** @typedef {import('./launch.mjs').SupervisorMessage} SupervisorMessage */
/** @typedef {import('../lib/managed-process.mjs').ManagedProcess} ManagedProcess */
/** @typedef {import('./keep-alive.mjs').Keeper} Keeper */

const NODE_GRACE_MS = 10_000;

/**
 * Runs one demonstration: etcd members, the ledger's PostgreSQL, the process that shows failures on purpose, and nodes as children,
 * restarted when they die, and the run file that says what runs.
 *
 * States: `idle` → start → `starting` → `ready`; from any of them → stop → `stopped`, for good.
 */
export class Supervisor {
  #state = 'idle';
  #stopping = new AbortController();
  /** @type {Promise<void> | undefined} */
  #stopped;
  /** @type {import('./poc-etcd.mjs').PocEtcd | undefined} */
  #etcd;
  /** @type {{ child: ManagedProcess, plan: import('./plan.mjs').NodePlan }[]} */
  #nodes = [];
  /** @type {PocDemos | undefined} */
  #demos;
  /** @type {Map<ManagedProcess, Keeper>} */
  #keepers = new Map();
  #startedAt = new Date().toISOString();
  #ledger;
  #run;
  #stopLogCare = () => {};

  /**
   * @param {string} instance id of this run
   * @param {SupervisorConfig} config
   * @param {import('./places.mjs').PocPlaces} places
   * @param {(message: SupervisorMessage) => void} report
   */
  constructor(instance, config, places, report) {
    this.instance = instance;
    this.config = config;
    this.places = places;
    this.report = report;
    const log = /** @param {string} line */ line => this.#log(line);
    const { logDir, entry } = places;
    this.#ledger = new RunLedger({ choice: config.ledger, logDir, entry, log });
    this.#run = new OwnRun(places, () => this.#describe(), log);
  }

  /**
   * Starts everything and waits until all of it serves.
   *
   * @returns {Promise<'ready' | 'already-running'>} the latter when another supervisor has the place
   * @throws when something will not come up; the caller then stops
   */
  async start() {
    this.#state = 'starting';
    if (!(await this.#run.claim())) return 'already-running';
    this.#stopping.signal.throwIfAborted();
    await mkdir(this.places.logDir, { recursive: true });
    await rotateLogs(this.places.logDir);
    this.#stopLogCare = keepLogsSmall(this.places.logDir, error => this.#log(String(error)));
    const busy = await findBusyPorts(this.config.plan.nodes.map(node => node.port));
    if (busy.length > 0) throw new Error(describeBusyPorts(busy));
    await this.#step('etcd', () => this.#startEtcd());
    await this.#step('ledger', () => this.#ledger.start(child => this.#keep(child)));
    const script = this.places.demoHost;
    if (this.config.demos && script !== undefined)
      await this.#step('demonstrations', () => this.#startDemos(script));
    await this.#step('nodes', () => this.#startNodes());
    this.#state = 'ready';
    await this.#run.save();
    this.#demos?.introduce();
    return 'ready';
  }

  /** Ends the demonstrations and the nodes, then the ledger and etcd, then removes the run file; returns when all is gone. Idempotent. */
  stop() {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll() {
    this.#state = 'stopped';
    this.#stopping.abort(new Error('stopped while starting'));
    this.#demos?.close();
    for (const keeper of this.#keepers.values()) keeper.release();
    this.#stopLogCare();
    await this.#demos?.stop();
    await Promise.all(this.#nodes.map(({ child }) => child.stop({ graceMs: NODE_GRACE_MS })));
    await this.#ledger.stop();
    await this.#etcd?.close();
    await this.#run.remove();
  }

  async #startEtcd() {
    const { plan, etcd, etcdDir } = this.config;
    const { logDir } = this.places;
    this.#etcd = await startPocEtcd(etcd, { plan, etcdDir, logDir, log: line => this.#log(line) });
    for (const member of this.#etcd.members) this.#keep(member);
    this.#stopping.signal.throwIfAborted();
    await this.#etcd.ready();
  }

  /**
   * Before the nodes, which are told where it is.
   *
   * @param {string} script
   */
  async #startDemos(script) {
    this.#demos = new PocDemos({
      script,
      logDir: this.places.logDir,
      find: target => this.#chargeOf(target),
      cluster: () => this.#describeCluster(),
      log: line => this.#log(line),
      onChange: () => void this.#run.save(),
    });
    await this.#demos.start(child => this.#keep(child), this.#stopping.signal);
  }

  /** What there is to demonstrate on; undefined until everything runs. */
  #describeCluster() {
    if (this.#state !== 'ready') return undefined;
    const { cluster, etcd, nodes } = this.#describe();
    return {
      nodes: nodes.map(({ id, site, partition, url }) => ({ id, site, partition, url })),
      members: etcd.members.map(({ name, clientUrl }) => ({ name, clientUrl })),
      endpoints: etcd.endpoints,
      cluster,
    };
  }

  /**
   * @param {import('./disturbances.mjs').Target} target
   * @returns {import('./disturbances.mjs').Charge | undefined}
   */
  #chargeOf({ kind, name }) {
    const child =
      kind === 'node'
        ? this.#nodes.find(node => node.plan.id === name)?.child
        : this.#etcd?.members.find(member => member.name === name);
    const keeper = child === undefined ? undefined : this.#keepers.get(child);
    return child === undefined || keeper === undefined ? undefined : { child, keeper };
  }

  async #startNodes() {
    const { plan, nodeVariables } = this.config;
    const endpoints = this.#etcd?.endpoints ?? [];
    const demos = this.#demos?.variables ?? NO_DEMOS;
    const env = { ...nodeVariables, ...process.env, ...this.#ledger.variables, ...demos };
    this.#nodes = plan.nodes.map(node => ({
      plan: node,
      child: createPocNode(node, { entry: this.places.entry, logDir: this.places.logDir, endpoints, env }),
    }));
    this.#stopping.signal.throwIfAborted();
    const waits = this.#nodes.map(async ({ child, plan: { port } }) => {
      await child.start();
      const { failures } = this.#keep(child);
      await waitUntilNodeReady({ node: child, port, failures, signal: this.#stopping.signal });
    });
    await Promise.all(waits);
  }

  /**
   * Keeps a process running that has been started.
   *
   * @param {ManagedProcess} child
   */
  #keep(child) {
    const keeper = keepAlive(child, {
      log: line => this.#log(line),
      onChange: () => void this.#run.save(),
    });
    this.#keepers.set(child, keeper);
    void this.#run.save();
    return keeper;
  }

  /** @returns {import('./run-file.mjs').PocRun} what runs now */
  #describe() {
    const { cluster, etcd, etcdDir } = this.config;
    const members = this.#etcd?.members ?? [];
    return {
      instance: this.instance,
      state: this.#state === 'ready' ? 'ready' : 'starting',
      supervisorPid: process.pid,
      startedAt: this.#startedAt,
      cluster,
      etcd: {
        endpoints: this.#etcd?.endpoints ?? [],
        source: etcd.source,
        version: etcd.version,
        members: members.map(({ name, pid = 0, clientUrl }) => ({ name, pid, clientUrl })),
        dataDir: etcdDir,
      },
      ledger: this.#ledger.describe(),
      ...(this.#demos === undefined ? {} : { demos: this.#demos.describe() }),
      nodes: this.#nodes.map(({ child, plan: { id, site, partition, url } }) => {
        return { id, site, partition, url, pid: child.pid ?? 0 };
      }),
    };
  }

  /**
   * @param {string} label
   * @param {() => Promise<void>} work
   */
  async #step(label, work) {
    this.report({ type: 'begin', label });
    await work();
    this.report({ type: 'done', label });
    await this.#run.save();
    this.#stopping.signal.throwIfAborted();
  }

  /** @param {string} line */
  #log(line) {
    this.report({ type: 'log', line });
  }
}
