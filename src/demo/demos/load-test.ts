import { Load } from '../load/load.ts';
import { RateTimeline } from '../load/rate-timeline.ts';
import { type Demo, type DemoContext, DemoFailure } from '../run/demo.ts';
import type { StepRecord } from '../run/run-record.ts';
import { duration, plural, showLive } from './live.ts';
import { none } from './obstacles.ts';
import { inputOf } from './vocabulary.ts';

const STEP_MS = 100;

/** How fast it is here. */
export const loadTest: Demo = {
  name: 'load-test',
  title: 'Load test',
  plan:
    'Sends requests as fast as the answers come, from several clients at once, each to the node of its own site. Shows the rate, how ' +
    'long answers take and how that is distributed, and checks afterwards that the counters of the series add up.',
  disturbs: '',
  seconds: 2,
  parameters: [
    { name: 'totalRequests', title: 'Requests', default: 1_000, minimum: 1, maximum: 200_000 },
    { name: 'concurrentThreads', title: 'Clients at the same time', default: 10, minimum: 1, maximum: 256 },
  ],
  obstacle: none,
  steps: context => [
    { title: 'Draw as fast as possible', work: step => send(step, context) },
    { title: 'Check that the counters add up', work: step => checkCounters(step, context) },
  ],
};

async function send(step: StepRecord, context: DemoContext): Promise<void> {
  const { parameters, cluster, record, book, label, runId, signal } = context;
  const { totalRequests, concurrentThreads } = parameters as {
    totalRequests: number;
    concurrentThreads: number;
  };
  const clients = Math.min(concurrentThreads, totalRequests);
  const inputFor = inputOf(await context.vocabulary(), label);
  const timeline = new RateTimeline(['answers'], { startMs: performance.now(), stepMs: STEP_MS });
  const load = new Load({
    clients,
    nodes: cluster.nodes,
    inputFor,
    keyPrefix: `demo:${runId}`,
    signal,
    requests: totalRequests,
    onAnswer: (reply, _client, { returnedAtMs }) => {
      book.note(reply);
      timeline.add('answers', returnedAtMs);
    },
  });
  const who = `${plural(clients, 'client')} over ${plural(cluster.nodes.length, 'node')}`;
  const line = step.say(who);
  const stop = showLive(context, () => {
    const { p50, p95, p99, max } = load.latency.percentiles();
    line(`${who}: ${load.answers.toLocaleString('en')} of ${totalRequests.toLocaleString('en')} answered.`);
    record.figure('requests answered', load.answers);
    record.figure('rate', load.rate, '/s');
    record.figure('p50', p50, 'ms');
    record.figure('p95', p95, 'ms');
    record.figure('p99', p99, 'ms');
    record.figure('longest', max, 'ms');
    record.figure('repetitions', load.retries);
    record.show({ histogram: load.latency.buckets(), timeline: timeline.view(performance.now()) });
  });
  load.start();
  await load.ended();
  stop();
  signal.throwIfAborted();
  const { p50, p99 } = load.latency.percentiles();
  step.say(
    `${plural(Math.round(load.rate), 'request')} a second; half answered within ${duration(p50)}, 99 % within ${duration(p99)}.`,
  );
  if (load.failures > 0)
    throw new DemoFailure(`${plural(load.failures, 'request')} failed: ${load.errors.join('; ')}`);
}

async function checkCounters(step: StepRecord, { client }: DemoContext): Promise<void> {
  const stats = await client.stats();
  const { issued, pooled, reserved, imported, next, start, holes } = stats;
  const parts = [
    `${issued.toLocaleString('en')} issued`,
    `${pooled} in the pool`,
    `${stats.void} void`,
    ...(reserved > 0 ? [`${reserved} reserved`] : []),
    ...(imported > 0 ? [`${imported} imported`] : []),
  ];
  if (holes !== 0)
    throw new DemoFailure(`the counters do not add up: ${parts.join(', ')}, of ${next - start} drawn`);
  step.say(`${parts.join(' + ')} = ${plural(next - start, 'number')} drawn since ${start}: no hole.`);
}
