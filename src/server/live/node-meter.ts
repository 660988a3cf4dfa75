import { STEP_MS } from './cluster-samples.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { NodeSample } from './node-sampler.ts';

/** Of rates. */
const RATE_MS = 1_000;
const LATENCY_MS = 10_000;

/** What this node did lately: rates over a second, p99 over ten. */
export class NodeMeter {
  private readonly recent: NodeSample[] = [];

  push(sample: NodeSample): void {
    this.recent.push(sample);
    const from = sample.t - LATENCY_MS;
    while (this.recent[0]!.t <= from) this.recent.shift();
  }

  read(): { numbersPerSecond: number; requestsPerSecond: number; errorsPerSecond: number; p99: number } {
    const last = this.recent.at(-1);
    const latency = new LatencyHistogram();
    let [numbers, requests, errors, ms] = [0, 0, 0, 0];
    for (const sample of this.recent) {
      latency.addEncoded(sample.latency);
      if (last === undefined || sample.t <= last.t - RATE_MS) continue;
      numbers += sample.numbers;
      requests += sample.requests;
      errors += sample.errors;
      ms += sample.spanMs;
    }
    const perSecond = (count: number): number => Math.round((count * 10_000) / Math.max(ms, STEP_MS)) / 10;
    return {
      numbersPerSecond: perSecond(numbers),
      requestsPerSecond: perSecond(requests),
      errorsPerSecond: perSecond(errors),
      p99: latency.percentile(99) ?? 0,
    };
  }
}
