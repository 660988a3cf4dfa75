/** @typedef {import('../lib/managed-process.mjs').ManagedProcess} ManagedProcess */
/** @typedef {import('./keep-alive.mjs').Keeper} Keeper */

/**
 * What the demonstrations' process may order, and what it is told of it. `kill`: at once, as a crash, so that the process is started
 * again; `stop`: it stays down until `start`; `pause`: it stands still until `resume`.
 *
 * @typedef {{ kind: 'node' | 'etcd', name: string }} Target
 * @typedef {{ type: 'disturb', id: number | string, action: 'kill' | 'pause' | 'resume' | 'stop' | 'start', target: Target }} DisturbOrder
 * @typedef {{ type: 'disturbed', id: number | string, ok: true } | { type: 'disturbed', id: number | string, ok: false, why: string }} DisturbAnswer
 */

/** @typedef {{ child: ManagedProcess, keeper: Keeper }} Charge a child of ours and who keeps it alive */

/** Whatever is stopped or paused is put right after this, whoever forgot it. */
const RESTORE_AFTER_MS = 60_000;
/** A node finishes what it has accepted and hands over; etcd members keep what they have acknowledged anyway. */
const STOP_GRACE_MS = { node: 10_000, etcd: 1_000 };

/**
 * Carries out what demonstrations break, on children of the supervisor and nothing else, and puts it right again.
 *
 * States: open → close → closed, when no order is taken any more; what is broken then is for whoever stops everything.
 */
export class Disturbances {
  /** @type {Map<string, { charge: Charge, timer: NodeJS.Timeout }>} stopped or paused, by kind and name */
  #broken = new Map();
  /** @type {Map<string, Promise<void>>} orders on one child follow each other */
  #queues = new Map();
  #closed = false;

  /**
   * @param {object} options
   * @param {(target: Target) => Charge | undefined} options.find a child of ours; undefined when there is none of that name
   * @param {(line: string) => void} options.log
   * @param {() => void} options.onChange follows every start and end
   * @param {number} [options.restoreAfterMs]
   * @param {boolean} [options.canPause]
   */
  constructor({ find, log, onChange, restoreAfterMs = RESTORE_AFTER_MS, canPause = CAN_PAUSE }) {
    this.find = find;
    this.log = log;
    this.onChange = onChange;
    this.restoreAfterMs = restoreAfterMs;
    this.canPause = canPause;
  }

  /** What is stopped or paused now, such as `etcd etcd-1`. */
  get broken() {
    return [...this.#broken.keys()];
  }

  /**
   * Carries out one order, after those on the same child that came before.
   *
   * @param {unknown} order
   * @returns {Promise<DisturbAnswer | undefined>} undefined for what is no order at all
   */
  async carryOut(order) {
    const { type, id, action, target } = /** @type {Partial<DisturbOrder>} */ (order ?? {});
    if (type !== 'disturb' || (typeof id !== 'number' && typeof id !== 'string')) return undefined;
    try {
      const { kind, name } = target ?? {};
      if ((kind !== 'node' && kind !== 'etcd') || typeof name !== 'string') throw new Error('no such target');
      await this.#inTurn(`${kind} ${name}`, () => this.#act(String(action), { kind, name }));
      return { type: 'disturbed', id, ok: true };
    } catch (error) {
      return {
        type: 'disturbed',
        id,
        ok: false,
        why: error instanceof Error ? error.message : String(error),
      };
    }
  }

  /** Puts right whatever is broken. Never rejects. */
  async restore() {
    await Promise.all([...this.#broken.keys()].map(key => this.#inTurn(key, () => this.#mend(key))));
    // Orders that were waiting may have broken something since.
    await Promise.all(this.#queues.values());
    await Promise.all([...this.#broken.keys()].map(key => this.#inTurn(key, () => this.#mend(key))));
  }

  /** Takes no order any more. Idempotent. */
  close() {
    this.#closed = true;
    for (const { timer } of this.#broken.values()) clearTimeout(timer);
  }

  /**
   * @param {string} action
   * @param {Target} target
   */
  async #act(action, target) {
    if (this.#closed) throw new Error('the demonstration is stopping');
    const charge = this.find(target);
    if (charge === undefined) throw new Error('not ours');
    const { child, keeper } = charge;
    const key = `${target.kind} ${target.name}`;
    switch (action) {
      case 'kill':
        if (!child.alive) throw new Error(`${target.name} is not running`);
        this.log(`${target.name} is killed for a demonstration`);
        await child.crash();
        return;
      case 'stop':
        this.log(`${target.name} is stopped for a demonstration`);
        this.#note(key, charge);
        keeper.hold();
        await child.stop({ graceMs: STOP_GRACE_MS[target.kind] });
        this.onChange();
        return;
      case 'pause':
        if (!this.canPause) throw new Error('a process cannot be paused on this system');
        if (!child.alive) throw new Error(`${target.name} is not running`);
        this.log(`${target.name} is paused for a demonstration`);
        this.#note(key, charge);
        child.pause();
        return;
      case 'start':
      case 'resume':
        // Both put right whatever is broken: nothing is left for the other.
        await this.#mend(key);
        return;
      default:
        throw new Error(`unknown action ${action}`);
    }
  }

  /**
   * @param {string} key
   * @param {Charge} charge
   */
  #note(key, charge) {
    clearTimeout(this.#broken.get(key)?.timer);
    const timer = setTimeout(() => {
      this.log(`${key} was left broken by a demonstration for ${this.restoreAfterMs / 1000} s`);
      void this.#inTurn(key, () => this.#mend(key));
    }, this.restoreAfterMs);
    timer.unref();
    this.#broken.set(key, { charge, timer });
  }

  /** @param {string} key */
  async #mend(key) {
    const found = this.#broken.get(key);
    if (found === undefined || this.#closed) return;
    clearTimeout(found.timer);
    this.#broken.delete(key);
    const { child, keeper } = found.charge;
    child.resume();
    await keeper.resume();
    this.log(`${key} is as it was before the demonstration`);
  }

  /**
   * @param {string} key
   * @param {() => Promise<void>} work
   */
  #inTurn(key, work) {
    const done = (this.#queues.get(key) ?? Promise.resolve()).then(work);
    const settled = done.catch(() => {});
    this.#queues.set(key, settled);
    void settled.then(() => {
      if (this.#queues.get(key) === settled) this.#queues.delete(key);
    });
    return done;
  }
}

/** Whether a process can be paused here. */
export const CAN_PAUSE = process.platform !== 'win32';
