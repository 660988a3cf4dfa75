import { Counter, Histogram, type Registry } from 'prom-client';

const COUNT = 'seqd_http_requests_total';
const DURATION = { name: 'seqd_http_request_duration_seconds', help: 'Time from request to answer' };

/** What was answered on one route. */
class RouteTally {
  readonly route: string;
  /** Answers by status, since the last scrape. */
  readonly statuses = new Map<number, number>();
  /** Answers by the first bucket they belong to; those past the last bound in one more. */
  readonly buckets: number[];
  seconds = 0;

  constructor(route: string, buckets: number) {
    this.route = route;
    this.buckets = Array.from({ length: buckets + 1 }, () => 0);
  }
}

/**
 * The metrics of answered requests. prom-client makes and hashes labels for each observation, which is 4 % of what a number costs
 * a node (ADR 010); here an answer is some additions, and labels are made when the metrics are scraped.
 */
export class AnswerMetrics {
  private readonly bounds: readonly number[];
  private readonly tallies = new Map<string, RouteTally>();

  /** @param bounds of the duration's buckets, seconds, ascending */
  constructor(registry: Registry, bounds: readonly number[]) {
    this.bounds = bounds;
    const { tallies } = this;
    const counter: Counter<'route' | 'status'> = new Counter({
      name: COUNT,
      help: 'HTTP requests answered',
      labelNames: ['route', 'status'],
      registers: [registry],
      collect: () => {
        for (const { route, statuses } of tallies.values()) {
          for (const [status, count] of statuses) counter.inc({ route, status }, count);
          statuses.clear();
        }
      },
    });
    registry.registerMetric(new TalliedHistogram(bounds, () => tallies.values()));
  }

  record(route: string, status: number, ms: number): void {
    let tally = this.tallies.get(route);
    if (tally === undefined) {
      tally = new RouteTally(route, this.bounds.length);
      this.tallies.set(route, tally);
    }
    const seconds = ms / 1000;
    let bucket = 0;
    while (bucket < this.bounds.length && seconds > this.bounds[bucket]!) bucket += 1;
    tally.buckets[bucket]! += 1;
    tally.seconds += seconds;
    tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
  }
}

/** A histogram whose observations are counted elsewhere. */
class TalliedHistogram extends Histogram<'route'> {
  private readonly bounds: readonly number[];
  private readonly tallies: () => Iterable<RouteTally>;

  constructor(bounds: readonly number[], tallies: () => Iterable<RouteTally>) {
    super({ ...DURATION, labelNames: ['route'], buckets: [...bounds], registers: [] });
    this.bounds = bounds;
    this.tallies = tallies;
  }

  /** What prom-client's registry and its own `get` read; its types do not name it. */
  async getForPromString(): Promise<object> {
    const values = [...this.tallies()].flatMap(tally => this.valuesOf(tally));
    return { ...DURATION, type: 'histogram', aggregator: 'sum', values };
  }

  private valuesOf({ route, buckets, seconds }: RouteTally): object[] {
    const { name } = DURATION;
    const sharedLabels = { route };
    let count = 0;
    const values = buckets.map((inBucket, i) => {
      count += inBucket;
      return {
        metricName: `${name}_bucket`,
        labels: { le: this.bounds[i] ?? '+Inf' },
        sharedLabels,
        value: count,
      };
    });
    return [
      ...values,
      { metricName: `${name}_sum`, labels: {}, sharedLabels, value: seconds },
      { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
    ];
  }
}
