import type { NextReply } from '../../client/index.ts';
import { checkHistory, type ObservedOperation } from '../../core/history.ts';
import { parseAllocationId } from '../../core/identifiers.ts';
import { Load, type RequestTimes } from '../load/load.ts';
import { type Demo, type DemoContext, DemoFailure } from '../run/demo.ts';
import type { StepRecord } from '../run/run-record.ts';
import { duration, plural, showLive } from './live.ts';
import { none } from './obstacles.ts';
import { inputOf } from './vocabulary.ts';

/** Many at once get different numbers. */
export const concurrent: Demo = {
  name: 'concurrent',
  title: 'Many at the same time',
  plan:
    'Several clients draw numbers at the same time, each from the node of its own site. Afterwards all answers are put ' +
    'side by side: no number twice, none left out, and the order of the answers is one that a single counter could have given ' +
    '(linearizable).',
  disturbs: '',
  seconds: 2,
  parameters: [
    { name: 'threads', title: 'Clients at the same time', default: 4, minimum: 1, maximum: 64 },
    { name: 'requestsPerThread', title: 'Requests of each', default: 25, minimum: 1, maximum: 1_000 },
  ],
  obstacle: none,
  steps: context => {
    const operations: ObservedOperation[] = [];
    return [
      { title: 'Draw at the same time', work: step => draw(step, context, operations) },
      { title: 'Put all answers side by side', work: async step => compare(step, context, operations) },
    ];
  },
};

async function draw(step: StepRecord, context: DemoContext, operations: ObservedOperation[]): Promise<void> {
  const { parameters, cluster, record, book, label, runId, signal } = context;
  const { threads, requestsPerThread } = parameters as { threads: number; requestsPerThread: number };
  const requests = threads * requestsPerThread;
  const load = new Load({
    clients: threads,
    nodes: cluster.nodes,
    inputFor: inputOf(await context.vocabulary(), label),
    keyPrefix: `demo:${runId}`,
    signal,
    requests,
    onAnswer: (reply, _client, times) => {
      book.note(reply);
      operations.push(observe(reply, times));
    },
  });
  const line = step.say(`${plural(threads, 'client')} over ${plural(cluster.nodes.length, 'node')}…`);
  const show = (): void => {
    line(
      `${plural(threads, 'client')} over ${plural(cluster.nodes.length, 'node')}: ${load.answers} of ${requests} answered.`,
    );
    record.figure('requests answered', load.answers);
    record.figure('rate', load.rate, '/s');
    record.figure('p99', load.latency.percentiles().p99, 'ms');
  };
  const stop = showLive(context, show);
  load.start();
  await load.ended();
  stop();
  signal.throwIfAborted();
  if (load.failures > 0)
    throw new DemoFailure(`${plural(load.failures, 'request')} failed: ${load.errors.join('; ')}`);
  const { p50, p99 } = load.latency.percentiles();
  step.say(`Half of the answers came within ${duration(p50)}, 99 % within ${duration(p99)}.`);
}

function observe(reply: NextReply, times: RequestTimes): ObservedOperation {
  const { numbers, reused, allocationId, revision, released } = reply;
  return {
    ...times,
    result: {
      kind: 'draw',
      position: parseAllocationId(allocationId ?? '')!,
      revision: revision ?? 0,
      ranges: numbers.map(range => ({
        first: range.first,
        last: range.last,
        reused: range.reused ?? reused,
      })),
      suppressed: released !== undefined,
    },
  };
}

/** Others may be drawing, too, and the pool may have had numbers: both are like operations that nobody here saw. */
const SOMEBODY_ELSE: ObservedOperation = { invokedAtMs: 0, returnedAtMs: Infinity };

function compare(
  step: StepRecord,
  { book, record }: DemoContext,
  operations: readonly ObservedOperation[],
): void {
  const fresh = operations
    .flatMap(({ result }) => (result?.kind === 'draw' ? result.ranges : []))
    .filter(({ reused }) => !reused)
    .map(({ first }) => first)
    .sort((a, b) => a - b);
  const first = fresh[0];
  const last = fresh.at(-1);
  const between = first === undefined || last === undefined ? 0 : last - first + 1 - fresh.length;
  const alone = between === 0 && fresh.length === operations.length;
  const { linearizable, problems } = checkHistory(
    alone ? operations : [...operations, SOMEBODY_ELSE],
    alone ? (first ?? 1) : 1,
  );
  record.figure('linearizable', linearizable ? 'yes' : 'no');
  if (book.twice > 0) throw new DemoFailure(`${plural(book.twice, 'number')} went to two clients`);
  if (!linearizable) throw new DemoFailure(`no single counter could have answered so: ${problems[0]}`);
  const reused = operations.length - fresh.length;
  const different = new Set(
    operations.flatMap(({ result }) =>
      (result?.kind === 'draw' ? result.ranges : []).map(range => range.first),
    ),
  ).size;
  step.say(`${plural(operations.length, 'answer')}, ${plural(different, 'different number')}.`);
  if (first !== undefined && last !== undefined && first < last)
    step.say(
      `New numbers ${first} to ${last}` +
        (between === 0
          ? ', all consecutive.'
          : `; the ${between} between them went to others who draw at the same time, or the verification names them.`),
    );
  if (reused > 0) step.say(`${reused} came from the pool of numbers given back.`);
  step.say('Every answer fits one counter that is asked one request after the other: linearizable.');
}
