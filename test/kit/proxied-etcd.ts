import {
  createFaultProxy,
  etcdMethod,
  type FaultProxy,
  type FaultRule,
  type FaultRuleSpec,
} from './fault-proxy.ts';

/** A rule that stands on every proxy. */
export interface FaultRules {
  /** Faults carried out on all proxies together. */
  readonly injectedCount: number;
  /** Those that had taken effect in etcd: the upstream answered OK. */
  committedCount(): Promise<number>;
  release(): void;
  remove(): void;
}

/** A fault proxy before each etcd member; a node that knows only these can be lied to. */
export class ProxiedEtcd {
  readonly proxies: readonly FaultProxy[];

  private constructor(proxies: readonly FaultProxy[]) {
    this.proxies = proxies;
  }

  static async start(endpoints: readonly string[]): Promise<ProxiedEtcd> {
    return new ProxiedEtcd(await Promise.all(endpoints.map(target => createFaultProxy({ target }))));
  }

  get endpoints(): readonly string[] {
    return this.proxies.map(proxy => proxy.url);
  }

  /** Adds a rule for commits of series to every proxy; leases, elections and look-ups go through. */
  onCommits(spec: Omit<FaultRuleSpec, 'method' | 'when'>): FaultRules {
    return combine(
      this.proxies.map((proxy, i) => {
        const chance = spec.chance && { ...spec.chance, seed: spec.chance.seed + i };
        return proxy.addRule({
          ...spec,
          ...(chance === undefined ? {} : { chance }),
          method: etcdMethod.txn,
          when: call => call.body.includes('/head'),
        });
      }),
    );
  }

  async each(work: (proxy: FaultProxy) => void | Promise<void>): Promise<void> {
    await Promise.all(this.proxies.map(async proxy => work(proxy)));
  }

  async close(): Promise<void> {
    await this.each(proxy => proxy.close());
  }
}

function combine(rules: readonly FaultRule[]): FaultRules {
  return {
    get injectedCount() {
      return rules.reduce((sum, rule) => sum + rule.injectedCount, 0);
    },
    async committedCount() {
      const injected = await Promise.all(rules.map(rule => rule.injected(rule.injectedCount)));
      return injected.flat().filter(fault => fault.upstreamStatus === 0).length;
    },
    release: () => rules.forEach(rule => rule.release()),
    remove: () => rules.forEach(rule => rule.remove()),
  };
}
