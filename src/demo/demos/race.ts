import { Load } from '../load/load.ts';
import { RateTimeline } from '../load/rate-timeline.ts';
import { type Demo, type DemoContext, DemoFailure } from '../run/demo.ts';
import { readable, type StepRecord } from '../run/run-record.ts';
import { duration, plural, showLive } from './live.ts';
import { NaiveRace } from './naive-race.ts';
import { none } from './obstacles.ts';
import { inputOf } from './vocabulary.ts';

const STEP_MS = 200;
const OURS = 'seqd';
const NAIVE = 'compare-and-swap';

/** What seqd is for. */
export const race: Demo = {
  name: 'race',
  title: 'Race against compare-and-swap',
  plan:
    'Two counters in the same etcd, drawn from by as many clients each, at the same time. One is what one would write first: read the counter, write it back ' +
    'plus one if nobody was faster, else start over. The other is seqd, with HTTP in front, idempotency keys and a journal, which the first one ' +
    'does without. The scratch counter is removed afterwards.',
  disturbs: '',
  seconds: 6,
  parameters: [
    { name: 'clients', title: 'Clients of each', default: 16, minimum: 1, maximum: 64 },
    { name: 'seconds', title: 'Seconds', default: 5, minimum: 2, maximum: 30 },
  ],
  obstacle: none,
  steps: context => [{ title: 'Race', work: step => run(step, context) }],
};

async function run(step: StepRecord, context: DemoContext): Promise<void> {
  const { cluster, parameters, record, book, label, runId, signal } = context;
  const { clients, seconds } = parameters as { clients: number; seconds: number };
  const inputFor = inputOf(await context.vocabulary(), label);
  const naive = new NaiveRace({ endpoints: cluster.endpoints, key: `/seqd-demo/${runId}/counter` });
  context.onEnd(() => naive.close());
  const timeline = new RateTimeline([OURS, NAIVE], { startMs: performance.now(), stepMs: STEP_MS });
  const load = new Load({
    clients,
    nodes: cluster.nodes,
    inputFor,
    keyPrefix: `demo:${runId}`,
    signal,
    onAnswer: (reply, _client, { returnedAtMs }) => {
      book.note(reply);
      timeline.add(OURS, returnedAtMs);
    },
  });
  context.onEnd(() => load.stop());
  step.say(`${plural(clients, 'client')} each, for ${seconds} s.`);
  const startedAtMs = performance.now();
  const show = (): void => {
    const perSecond = 1_000 / (performance.now() - startedAtMs);
    const [ours, theirs] = [load.answers, naive.numbers.size];
    record.figure(OURS, ours * perSecond, '/s');
    record.figure(NAIVE, theirs * perSecond, '/s');
    if (theirs > 0) record.figure('ratio', ours / theirs, 'x');
    record.figure(`p99 ${OURS}`, load.latency.percentiles().p99, 'ms');
    record.figure(`p99 ${NAIVE}`, naive.latency.percentiles().p99, 'ms');
    record.figure(
      `attempts in vain, ${NAIVE}`,
      Math.round((100 * (naive.attempts - theirs)) / Math.max(1, naive.attempts)),
      '%',
    );
    record.show({ timeline: timeline.view(performance.now()) });
  };
  const stop = showLive(context, show);
  load.start();
  naive.start(clients, atMs => timeline.add(NAIVE, atMs));
  await context.sleep(seconds * 1_000);
  await Promise.all([load.stop(), naive.stop()]);
  // Only now: what is told below counts the last answers, too.
  stop();
  signal.throwIfAborted();
  tell(step, load, naive);
}

function tell(step: StepRecord, load: Load, naive: NaiveRace): void {
  const theirs = naive.numbers.size;
  if (load.failures > 0)
    throw new DemoFailure(`${plural(load.failures, 'request')} failed: ${load.errors.join('; ')}`);
  step.say(
    `${OURS}: ${plural(load.answers, 'number')}, half within ${duration(load.latency.percentiles().p50)}, 99 % within ` +
      `${duration(load.latency.percentiles().p99)}.`,
  );
  step.say(
    `${NAIVE}: ${plural(theirs, 'number')} in ${plural(naive.attempts, 'attempt')}` +
      (theirs === 0
        ? '.'
        : `, half within ${duration(naive.latency.percentiles().p50)}, 99 % within ${duration(naive.latency.percentiles().p99)}.`),
  );
  if (theirs > 0) step.say(`${OURS} drew ${readable(load.answers / theirs)} times as many.`);
  if (naive.failures > 0)
    step.say(`${plural(naive.failures, 'attempt')} of ${NAIVE} had no answer of etcd in time.`);
}
