import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * @typedef {object} ProcessSpec
 * @property {string} name for messages
 * @property {string} command
 * @property {readonly string[]} args
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [cwd]
 * @property {string} logFile everything the process says is appended here
 * @property {NodeJS.Signals} [stopSignal] asks it to end; default SIGTERM
 * @property {NodeJS.Signals} [killSignal] ends it at once; default SIGKILL
 * @property {{ uid: number, gid: number }} [user] whom it runs as; default: as we do
 * @property {boolean} [ipc] a Node program that messages are exchanged with; default false
 */

/**
 * @typedef {object} ProcessExit
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {boolean} expected false when nobody here asked for it, and after `crash`, which is to look like that
 * @property {boolean} ordered whether it was a `crash`
 */

/** @type {Set<ManagedProcess>} */
const running = new Set();

// Last resort, when this process ends without having closed its children: none may stay behind.
process.on('exit', () => {
  for (const child of running) child.killNow();
});

/**
 * One child process that can be started again.
 *
 * States: `idle` → start → `running` ⇄ pause/resume ⇄ `paused`; from both → `idle`, by itself or through
 * stop or kill. It runs in its own process group, so that Ctrl-C reaches us only and we decide the order.
 * It is signalled only while we hold its handle, so a reused process id can never be hit.
 */
export class ManagedProcess {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  /** @type {Promise<ProcessExit> | undefined} */
  #exited;
  #expected = false;
  #crashed = false;
  #paused = false;
  /** @type {((exit: ProcessExit) => void)[]} */
  #exitListeners = [];
  /** @type {(() => void)[]} */
  #startListeners = [];
  /** @type {((message: unknown) => void)[]} */
  #messageListeners = [];

  /** @param {ProcessSpec} spec */
  constructor(spec) {
    this.spec = spec;
  }

  /** True from start until the process has ended; a paused one is alive. */
  get alive() {
    return this.#child !== undefined;
  }

  get paused() {
    return this.#paused;
  }

  /** Process id of the current run; undefined while idle. */
  get pid() {
    return this.#child?.pid;
  }

  /**
   * Calls back after every end of the process; `expected` is false when nobody here asked for it.
   *
   * @param {(exit: ProcessExit) => void} listener
   */
  onExit(listener) {
    this.#exitListeners.push(listener);
  }

  /**
   * Calls back after every start of the process.
   *
   * @param {() => void} listener
   */
  onStart(listener) {
    this.#startListeners.push(listener);
  }

  /**
   * Calls back with every message of a process with `ipc`.
   *
   * @param {(message: unknown) => void} listener
   */
  onMessage(listener) {
    this.#messageListeners.push(listener);
  }

  /**
   * Sends a message to a process with `ipc`. One that has ended meanwhile does not get it, and nobody is told.
   *
   * @param {import('node:child_process').Serializable} message
   */
  send(message) {
    const child = this.#child;
    if (child?.connected === true) child.send(message, () => {});
  }

  /**
   * Starts the process; does nothing when it is alive.
   *
   * @throws when the program cannot be run
   */
  async start() {
    if (this.#child !== undefined) return;
    const { command, args, env = process.env, cwd, logFile, user, ipc = false } = this.spec;
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      ...user,
      env,
      stdio: ['ignore', log, log, ...(ipc ? [/** @type {const} */ ('ipc')] : [])],
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    closeSync(log);
    this.#child = child;
    this.#expected = false;
    this.#crashed = false;
    this.#paused = false;
    running.add(this);
    child.on('message', message => {
      for (const listener of this.#messageListeners) listener(message);
    });
    const spawned = new Promise((resolve, reject) => {
      child.once('spawn', () => resolve(undefined));
      child.once('error', error =>
        reject(new Error(`cannot start ${this.spec.name}: ${error.message}`, { cause: error })),
      );
    });
    // Set before anything is awaited, so that a stop during the start waits for this run's end.
    this.#exited = new Promise(resolve => {
      /** @type {(code: number | null, signal: NodeJS.Signals | null, started: boolean) => void} */
      const ended = (code, signal, started) => {
        running.delete(this);
        this.#child = undefined;
        this.#paused = false;
        const exit = { code, signal, expected: this.#expected, ordered: this.#crashed };
        resolve(exit);
        for (const listener of started ? this.#exitListeners : []) listener(exit);
      };
      child.once('exit', (code, signal) => ended(code, signal, true));
      child.once('error', () => child.pid === undefined && ended(null, null, false));
    });
    await spawned;
    for (const listener of this.#startListeners) listener();
  }

  /**
   * Ends the process with its stop signal, or with SIGKILL once the grace is over; returns after it has ended.
   *
   * @param {{ graceMs?: number }} [options]
   */
  async stop({ graceMs = 10_000 } = {}) {
    this.#expected = true;
    // Somebody else may have paused it; a paused process would not see the request.
    if (process.platform !== 'win32') this.#child?.kill('SIGCONT');
    this.#child?.kill(this.spec.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends the process at once, as a crash would; returns after it has ended. */
  async kill() {
    this.killNow();
    await this.#exited;
  }

  /** Asks for the same without waiting for the end. */
  killNow() {
    const { killSignal = 'SIGKILL' } = this.spec;
    this.#expected = true;
    this.#child?.kill(killSignal);
    // Any other waits until a paused process goes on.
    if (killSignal !== 'SIGKILL') this.resume();
  }

  /**
   * Ends the process at once like `kill`, but so that whoever keeps it alive takes it for a crash; returns after it has ended.
   */
  async crash() {
    // An end that somebody else has asked for stays one.
    this.#crashed = !this.#expected;
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /**
   * Freezes the process (SIGSTOP): its connections stay open and say nothing.
   *
   * @throws on Windows, which cannot do this
   */
  pause() {
    if (process.platform === 'win32') throw new Error('Windows cannot pause a process');
    this.#paused = this.#child?.kill('SIGSTOP') ?? false;
  }

  /** Lets a paused process go on. */
  resume() {
    if (!this.#paused) return;
    this.#child?.kill('SIGCONT');
    this.#paused = false;
  }

  /** Stops the process if it is alive and starts it again with the same settings. */
  async restart() {
    await this.stop();
    await this.start();
  }
}

/**
 * The end of a log file, for error messages.
 *
 * @param {string} file
 * @param {number} [lines]
 * @returns {string} empty when there is no such file
 */
export function tailOf(file, lines = 15) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
