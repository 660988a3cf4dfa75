// Starts the demonstration: dependencies, build, three etcd members, the ledger's PostgreSQL and the nodes, in one command.
// The work is in scripts/poc/; `--help` lists the options.

import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureBuild } from './lib/build.mjs';
import { checkNode } from './lib/check-node.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { ensureEtcd } from './lib/etcd-binary.mjs';
import { deleteEtcdCluster } from './lib/etcd-cluster.mjs';
import {
  parsePocArguments,
  RefusedError,
  refuseResetOf,
  refuseResetOfLedger,
  USAGE,
  UsageError,
} from './poc/arguments.mjs';
import { openBrowser } from './poc/browser.mjs';
import { launchSupervisor } from './poc/launch.mjs';
import { chooseLedger, describeLedgerChoice, resetPocLedger } from './poc/poc-ledger.mjs';
import { placesOf } from './poc/places.mjs';
import { planPoc } from './poc/plan.mjs';
import { resetDockerEtcd } from './poc/poc-etcd.mjs';
import { isRunning, readRun } from './poc/run-file.mjs';
import { givenEndpoints, nodeVariables, readPocSettings } from './poc/settings.mjs';
import { stopPoc } from './poc/stop-poc.mjs';
import { dashboardUrl, describeRun } from './poc/summary.mjs';
import { Terminal } from './poc/terminal.mjs';

/** @typedef {import('./poc/arguments.mjs').PocArguments} PocArguments */
/** @typedef {import('./poc/poc-etcd.mjs').EtcdChoice} EtcdChoice */

const OTHER_START_TIMEOUT_MS = 120_000;
const POLL_MS = 200;
const COMMAND = process.platform === 'win32' ? 'START-POC.bat' : './START-POC.sh';
const STOP_HINT = `${COMMAND} --stop`;
const STOPPED = {
  stopped: 'seqd has stopped; its numbers are kept.',
  cleared: 'seqd was not running; what a run that was cut off had left is ended. Its numbers are kept.',
  nothing: 'seqd is not running.',
};

const terminal = new Terminal(process.stdout);
const places = placesOf();
/** @param {string} line */
const log = line => terminal.line(`  ${line}`);

/** @param {PocArguments} options */
async function main(options) {
  if (options.action === 'help') {
    terminal.line(USAGE);
    return;
  }
  if (options.action === 'stop') {
    terminal.line(STOPPED[await stopPoc(places, log)]);
    return;
  }
  if (options.action === 'reset') refuseResetOf(options.endpoints);
  else if (await showRunning(options)) return;

  terminal.line('Starting seqd');
  await start(options, await prepare(options));
}

/**
 * Everything before the first process is started.
 *
 * @param {PocArguments} options
 * @returns {Promise<import('./poc/launch.mjs').SupervisorConfig>}
 */
async function prepare({ action, endpoints, port, nodes, demos, ledger: wantsLedger }) {
  await terminal.step('dependencies', () => ensureDependencies(log), String);
  // A demonstration with a program of its own (tests) needs no build.
  if (process.env['SEQD_POC_ENTRY'] === undefined)
    await terminal.step('build', () => ensureBuild(log), String);
  const settings = await readPocSettings(process.env, places);
  const { cluster, dataDirectory: etcdDir, compactionMinutes } = settings;
  const given = givenEndpoints(endpoints, settings);
  if (action === 'reset') {
    // Here too: only now is it known what the configuration says.
    refuseResetOf(given);
    if (wantsLedger) refuseResetOfLedger(settings.ledgerUrl);
    await stopPoc(places, log);
  }
  const etcd = await terminal.step('etcd program', () => chooseEtcd(given), describeEtcd);
  const ledger = await terminal.step(
    'ledger program',
    () => chooseLedger({ wanted: wantsLedger, url: settings.ledgerUrl, dataDir: places.dataDir }),
    describeLedgerChoice,
  );
  if (action === 'reset') {
    await resetPocLedger(places.dataDir);
    await deleteEtcdCluster(etcdDir);
    await rm(places.pocDir, { recursive: true, force: true });
    if (etcd.source === 'docker') await resetDockerEtcd();
  }
  const variables = nodeVariables({ ownEtcd: etcd.source !== 'given', compactionMinutes });
  return { plan: planPoc({ port, nodes }), cluster, etcd, etcdDir, ledger, demos, nodeVariables: variables };
}

/**
 * @param {string[]} endpoints of a cluster that runs; empty: one of our own
 * @returns {Promise<EtcdChoice>}
 */
async function chooseEtcd(endpoints) {
  return endpoints.length > 0 ? { source: 'given', version: '', endpoints } : ensureEtcd({ log });
}

/** @param {EtcdChoice} etcd */
function describeEtcd(etcd) {
  return etcd.source === 'given'
    ? `not needed, using ${etcd.endpoints.join(', ')}`
    : `${etcd.version} from ${etcd.source}`;
}

/**
 * @param {PocArguments} options
 * @param {import('./poc/launch.mjs').SupervisorConfig} config
 */
async function start(options, config) {
  const supervisor = launchSupervisor(config, places, terminal);
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      if (!asked) terminal.line('\nStopping seqd');
      asked = true;
      supervisor.stop();
    });
  const outcome = await supervisor.outcome;
  if (outcome.type === 'failed') {
    terminal.fail();
    await supervisor.exited;
    if (asked) return;
    throw new Error(`${outcome.message}\n${adviceFor(outcome.message, options.port)}`.trim());
  }
  const run = await readRun(places.runFile);
  if (outcome.type === 'already-running' || run === undefined) {
    await showRunning(options);
    return;
  }
  terminal.line(describeRun(run, places.logDir));
  if (options.open) openBrowser(dashboardUrl(run));
  if (options.detach) {
    supervisor.detach();
    const beside = [run.ledger?.source === 'own', run.demos?.port !== undefined].filter(Boolean).length;
    const children = run.nodes.length + run.etcd.members.length + beside;
    terminal.line(`  Running in the background: supervisor ${run.supervisorPid} with ${children} processes.`);
    terminal.line(`  Stop it with ${STOP_HINT}`);
    return;
  }
  terminal.line('  Press Ctrl-C to stop.');
  await supervisor.exited;
  terminal.line(STOPPED.stopped);
}

/**
 * Shows a demonstration that runs already, waiting for one that is starting.
 *
 * @param {PocArguments} options
 * @returns {Promise<boolean>} false when there is none
 */
async function showRunning(options) {
  const deadline = performance.now() + OTHER_START_TIMEOUT_MS;
  for (;;) {
    const run = await readRun(places.runFile);
    if (run === undefined || !(await isRunning(run))) return false;
    if (run.state === 'ready' || performance.now() > deadline) {
      terminal.line(`seqd is running already (supervisor ${run.supervisorPid}).`);
      terminal.line(describeRun(run, places.logDir));
      terminal.line(`  Stop it with ${STOP_HINT}`);
      if (options.open) openBrowser(dashboardUrl(run));
      return true;
    }
    await sleep(POLL_MS);
  }
}

/**
 * @param {string} message
 * @param {number} port
 */
function adviceFor(message, port) {
  if (!message.includes('in use by another program')) return '';
  return message.includes('is bound to it')
    ? `Stop that program, or start afresh on other ports: ${COMMAND} --reset --port ${port + 1000} (deletes all numbers)`
    : `Stop that program, or start seqd on other ports: ${COMMAND} --port ${port + 1000}`;
}

try {
  checkNode();
  await main(parsePocArguments(process.argv.slice(2), process.env));
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof UsageError) console.error(`${COMMAND} --help lists the options.`);
  process.exitCode = error instanceof RefusedError || error instanceof UsageError ? 2 : 1;
}
