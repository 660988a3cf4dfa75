import type { Fault, InjectedFault, SeenCall } from './faults.ts';
import { Tally } from './tally.ts';

/** Which calls get which fault. All conditions given must hold. */
export interface FaultRuleSpec {
  /** The full path, a pattern, or a predicate on the path. */
  readonly method: string | RegExp | ((method: string) => boolean);
  /** A further condition on the call, such as its number or bytes in its body. */
  readonly when?: (call: SeenCall) => boolean;
  /** Leaves the first n matching calls alone; default 0. */
  readonly skip?: number;
  /** At most this many injections; default unlimited. */
  readonly times?: number;
  /** Injects with this probability (0 to 1), drawn from a generator seeded with `seed` (print it on failure). */
  readonly chance?: { readonly probability: number; readonly seed: number };
  readonly fault: Fault;
}

/** A rule at work. Counts are of this rule alone. */
export interface FaultRule {
  /** Calls that matched `method` and `when` so far. */
  readonly matched: number;
  /** Faults carried out so far. */
  readonly injectedCount: number;
  /** Calls where the fault could not be carried out because the upstream gave no answer. */
  readonly missedCount: number;
  /**
   * Resolves with the first `count` (default 1) calls this rule has picked, before anything is done to them: for
   * `delayRequest`, the request is held. Rejects when the proxy closes.
   */
  picked(count?: number): Promise<readonly SeenCall[]>;
  /**
   * Resolves when `count` (default 1) faults have been carried out: where the kind forwards, the upstream has
   * answered completely. Counted from the beginning, so it can be awaited afterwards. Rejects when the proxy closes.
   */
  injected(count?: number): Promise<readonly InjectedFault[]>;
  /** Lets the calls go that this rule holds at the moment (delays without or before the end of `delayMs`). */
  release(): void;
  /** Takes the rule out: it picks no more calls. What it holds stays held. */
  remove(): void;
}

/** A rule with its counters and the calls it holds. */
export class ActiveRule implements FaultRule {
  readonly spec: FaultRuleSpec;
  readonly picks = new Tally<SeenCall>();
  readonly done = new Tally<InjectedFault>();
  matched = 0;
  missedCount = 0;
  #left: number;
  readonly #random: (() => number) | undefined;
  readonly #held = new Set<(proceed: boolean) => void>();
  readonly #onRemove: (rule: ActiveRule) => void;

  constructor(spec: FaultRuleSpec, onRemove: (rule: ActiveRule) => void) {
    this.spec = spec;
    this.#left = spec.times ?? Infinity;
    this.#random = spec.chance && createRandom(spec.chance.seed);
    this.#onRemove = onRemove;
  }

  get injectedCount(): number {
    return this.done.items.length;
  }

  picked(count = 1): Promise<readonly SeenCall[]> {
    return this.picks.atLeast(count);
  }

  injected(count = 1): Promise<readonly InjectedFault[]> {
    return this.done.atLeast(count);
  }

  release(): void {
    this.#letGo(true);
  }

  remove(): void {
    this.#onRemove(this);
  }

  /** True when calls of this method may be picked, so that their request has to be read before forwarding. */
  concerns(method: string): boolean {
    const { method: wanted } = this.spec;
    if (this.#left <= 0) return false;
    if (typeof wanted === 'string') return wanted === method;
    return typeof wanted === 'function' ? wanted(method) : method.search(wanted) >= 0;
  }

  /** Decides whether this call gets the fault, and counts it. */
  picksUp(call: SeenCall): boolean {
    const { when, skip = 0, chance } = this.spec;
    if (!this.concerns(call.method) || (when && !when(call))) return false;
    this.matched += 1;
    if (this.matched <= skip) return false;
    if (chance && this.#random && this.#random() >= chance.probability) return false;
    this.#left -= 1;
    return true;
  }

  /** Waits for the delay or `release()`; false means the proxy has closed and the call is to be forgotten. */
  hold(delayMs: number | undefined): Promise<boolean> {
    return new Promise(resolve => {
      const letGo = (proceed: boolean) => {
        clearTimeout(timer);
        this.#held.delete(letGo);
        resolve(proceed);
      };
      const timer = delayMs === undefined ? undefined : setTimeout(letGo, delayMs, true);
      this.#held.add(letGo);
    });
  }

  /** Forgets the calls held and rejects who waits. */
  close(): void {
    this.#letGo(false);
    this.picks.close('fault proxy closed while a test waited for picked calls');
    this.done.close('fault proxy closed while a test waited for injected faults');
  }

  #letGo(proceed: boolean): void {
    for (const letGo of this.#held) letGo(proceed);
  }
}

/** The rules in the order they were added: the first that picks a call up has it. */
export class RuleBook {
  readonly #active = new Set<ActiveRule>();
  readonly #all = new Set<ActiveRule>();

  /** Adds a rule, refusing what can never do what its author meant. */
  add(spec: FaultRuleSpec, isStream: (method: string) => boolean): ActiveRule {
    if (typeof spec.method === 'string' && isStream(spec.method)) {
      throw new TypeError(
        `${spec.method} is a stream: rules are for unary calls; use pause() or disconnect()`,
      );
    }
    const { probability } = spec.chance ?? { probability: 0 };
    if (!(probability >= 0 && probability <= 1))
      throw new RangeError(`probability ${probability} is not in 0..1`);
    const rule = new ActiveRule(spec, removed => this.#active.delete(removed));
    this.#active.add(rule);
    this.#all.add(rule);
    return rule;
  }

  /** True when some rule may pick up calls of this method. */
  concern(method: string): boolean {
    return [...this.#active].some(rule => rule.concerns(method));
  }

  /** The rule that has this call, if any. */
  pick(call: SeenCall): ActiveRule | undefined {
    const rule = [...this.#active].find(candidate => candidate.picksUp(call));
    rule?.picks.add(call);
    return rule;
  }

  /** Faults that could not be carried out, over all rules ever added. */
  get missedCount(): number {
    return [...this.#all].reduce((sum, rule) => sum + rule.missedCount, 0);
  }

  /** Takes all rules out and lets go what they hold. */
  clear(): void {
    this.#active.clear();
    for (const rule of this.#all) rule.release();
  }

  /** Closes all rules, those taken out too. */
  close(): void {
    this.#active.clear();
    for (const rule of this.#all) rule.close();
  }
}

/** A small seeded generator (mulberry32): numbers from 0 to below 1, the same for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
