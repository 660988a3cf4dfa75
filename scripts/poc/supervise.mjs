import { mkdir } from 'node:fs/promises';
import { describeBusyPorts, findBusyPorts } from '../lib/ports.mjs';
import { keepAlive } from './keep-alive.mjs';
import { clearLeftovers } from './leftovers.mjs';
import { keepLogsSmall, rotateLogs } from './logs.mjs';
import { NO_DEMOS, PocDemos } from './poc-demos.mjs';
import { createPocNode, waitUntilNodeReady } from './poc-node.mjs';
import { startPocEtcd } from './poc-etcd.mjs';
import { migratePocLedger, startPocLedger } from './poc-ledger.mjs';
import { claimRun, isRunning, readRun, removeRun, updateRun } from './run-file.mjs';

/** @typedef {import('./launch.mjs').SupervisorConfig} SupervisorConfig */
/** @typedef {import('./launch.mjs').SupervisorMessage} SupervisorMessage */
/** @typedef {import('./run-file.mjs').PocRun} PocRun */
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
  /** @type {import('../lib/postgres-server.mjs').PostgresServer | undefined} */
  #ledger;
  /** @type {{ child: ManagedProcess, plan: import('./plan.mjs').NodePlan }[]} */
  #nodes = [];
  /** @type {PocDemos | undefined} */
  #demos;
  /** @type {Map<ManagedProcess, Keeper>} */
  #keepers = new Map();
  /** @type {PocRun} */
  #run;
  #saved = Promise.resolve();
  #claimed = false;
  #stopLogCare = () => {};

  /**
   * @param {string} instance id of this run
   * @param {SupervisorConfig} config
   * @param {import('./places.mjs').PocPlaces} places
   * @param {(message: SupervisorMessage) => void} report
   */
  constructor(instance, config, places, report) {
    this.config = config;
    this.places = places;
    this.report = report;
    this.#run = {
      instance,
      state: 'starting',
      supervisorPid: process.pid,
      startedAt: new Date().toISOString(),
      cluster: config.cluster,
      etcd: {
        endpoints: [],
        source: config.etcd.source,
        version: config.etcd.version,
        members: [],
        dataDir: config.etcdDir,
      },
      nodes: [],
    };
  }

  /**
   * Starts everything and waits until all of it serves.
   *
   * @returns {Promise<'ready' | 'already-running'>} the latter when another supervisor has the place
   * @throws when something will not come up; the caller then stops
   */
  async start() {
    this.#state = 'starting';
    if (!(await this.#claim())) return 'already-running';
    await mkdir(this.places.logDir, { recursive: true });
    await rotateLogs(this.places.logDir);
    this.#stopLogCare = keepLogsSmall(this.places.logDir, error => this.#log(String(error)));
    const busy = await findBusyPorts(this.config.plan.nodes.map(node => node.port));
    if (busy.length > 0) throw new Error(describeBusyPorts(busy));
    await this.#step('etcd', () => this.#startEtcd());
    await this.#step('ledger', () => this.#startLedger());
    await this.#startDemos();
    await this.#step('nodes', () => this.#startNodes());
    this.#run.state = 'ready';
    this.#state = 'ready';
    this.#save();
    this.#demos?.introduce();
    await this.#saved;
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
    await this.#ledger?.stop();
    await this.#etcd?.close();
    await this.#saved;
    if (this.#claimed) await removeRun(this.places.runFile, this.#run.instance);
  }

  async #claim() {
    const { runFile } = this.places;
    while (!(await claimRun(runFile, this.#run))) {
      const other = await readRun(runFile);
      if (other !== undefined && (await isRunning(other))) return false;
      await clearLeftovers(this.places, line => this.#log(line));
    }
    this.#claimed = true;
    return true;
  }

  async #startEtcd() {
    const { plan, etcd, etcdDir } = this.config;
    const { logDir } = this.places;
    this.#etcd = await startPocEtcd(etcd, { plan, etcdDir, logDir, log: line => this.#log(line) });
    this.#run.etcd.endpoints = this.#etcd.endpoints;
    for (const member of this.#etcd.members) this.#keep(member);
    this.#save();
    this.#stopping.signal.throwIfAborted();
    await this.#etcd.ready();
  }

  /** Without its ledger the demonstration goes on: numbers do not need it. */
  async #startLedger() {
    const { ledger } = this.config;
    try {
      if (ledger.source === 'none') throw new Error(ledger.why);
      this.#ledger = await startPocLedger(ledger, this.places.logDir);
      if (this.#ledger !== undefined) this.#keep(this.#ledger);
      this.#save();
      await this.#ledger?.ready();
      const url = ledger.source === 'given' ? ledger.url : this.#ledger?.url;
      if (url !== undefined) await migratePocLedger(url, this.places.entry);
      this.#run.ledger = this.#describeLedger();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (ledger.source !== 'none') this.#log(`the ledger does not run: ${why}`);
      // A given one may come later; the nodes look for it by themselves.
      if (ledger.source !== 'given') await this.#giveUpLedger();
      this.#run.ledger = {
        source: ledger.source === 'given' ? 'given' : 'none',
        why: why.split('\n', 1)[0] ?? '',
      };
    }
    this.#save();
    this.#stopping.signal.throwIfAborted();
  }

  async #giveUpLedger() {
    const server = this.#ledger;
    this.#ledger = undefined;
    if (server === undefined) return;
    this.#keepers.get(server)?.release();
    await server.stop();
  }

  /** Before the nodes, which are told where it is. Without it they have everything but demonstrations. */
  async #startDemos() {
    const { demoHost: script, logDir } = this.places;
    if (!this.config.demos || script === undefined) return;
    this.report({ type: 'begin', label: 'demonstrations' });
    const demos = new PocDemos({
      script,
      logDir,
      find: target => this.#chargeOf(target),
      cluster: () => this.#describeCluster(),
      log: line => this.#log(line),
      onChange: () => this.#save(),
    });
    this.#demos = demos;
    try {
      await demos.start(child => this.#keep(child), this.#stopping.signal);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log(`there are no demonstrations: ${why}`);
      this.#demos = undefined;
      this.#run.demos = { pid: 0, why: why.split('\n', 1)[0] ?? '' };
      await demos.stop();
    }
    this.report({ type: 'done', label: 'demonstrations' });
    this.#save();
    this.#stopping.signal.throwIfAborted();
  }

  /** What there is to demonstrate on; undefined until everything runs. */
  #describeCluster() {
    if (this.#state !== 'ready') return undefined;
    const { cluster, etcd, nodes } = this.#run;
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

  /** @returns {import('./run-file.mjs').RunLedger} */
  #describeLedger() {
    const { ledger } = this.config;
    if (ledger.source !== 'own' || this.#ledger === undefined) return { source: ledger.source };
    const { url, version, pid = 0 } = this.#ledger;
    return { source: 'own', url, version, directory: ledger.directory, pid };
  }

  async #startNodes() {
    const { plan, nodeVariables } = this.config;
    const endpoints = this.#etcd?.endpoints ?? [];
    // A given one is in the configuration, which must not name one where there is none.
    const own = this.#run.ledger?.source === 'given' ? {} : { SEQD_LEDGER_URL: this.#ledger?.url ?? 'null' };
    const demos = this.#demos?.variables ?? NO_DEMOS;
    const env = { ...nodeVariables, ...process.env, ...own, ...demos };
    this.#nodes = plan.nodes.map(node => ({
      plan: node,
      child: createPocNode(node, { entry: this.places.entry, logDir: this.places.logDir, endpoints, env }),
    }));
    this.#stopping.signal.throwIfAborted();
    const waits = this.#nodes.map(async ({ child, plan: { port } }) => {
      await child.start();
      const { failures } = this.#keep(child);
      this.#save();
      await waitUntilNodeReady({ node: child, port, failures, signal: this.#stopping.signal });
    });
    await Promise.all(waits);
  }

  /** @param {ManagedProcess} child */
  #keep(child) {
    const keeper = keepAlive(child, { log: line => this.#log(line), onChange: () => this.#save() });
    this.#keepers.set(child, keeper);
    return keeper;
  }

  /** Writes the current process ids to the run file; writes follow each other. */
  #save() {
    this.#run.etcd.members = (this.#etcd?.members ?? []).map(({ name, pid = 0, clientUrl }) => ({
      name,
      pid,
      clientUrl,
    }));
    if (this.#ledger !== undefined) this.#run.ledger = this.#describeLedger();
    if (this.#demos !== undefined) this.#run.demos = this.#demos.describe();
    this.#run.nodes = this.#nodes.map(({ child, plan: { id, site, partition, url } }) => ({
      id,
      site,
      partition,
      url,
      pid: child.pid ?? 0,
    }));
    const run = structuredClone(this.#run);
    this.#saved = this.#saved.then(async () => {
      // A stop removes the file; a late write must not bring it back.
      if (this.#state === 'stopped') return;
      await updateRun(this.places.runFile, run).catch(error => this.#log(`run.json: ${String(error)}`));
    });
  }

  /**
   * @param {string} label
   * @param {() => Promise<void>} work
   */
  async #step(label, work) {
    this.report({ type: 'begin', label });
    await work();
    this.report({ type: 'done', label });
  }

  /** @param {string} line */
  #log(line) {
    this.report({ type: 'log', line });
  }
}
