import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeqdClient, type Vocabulary } from '../../client/index.ts';
import type { HostCluster } from '../host/messages.ts';
import { AnswerBook } from '../load/answer-book.ts';
import { ClusterWatch } from './cluster-watch.ts';
import type { Demo, DemoContext } from './demo.ts';
import { type Disturb, Disturber, messageOf } from './disturber.ts';
import { restore, verify } from './final-steps.ts';
import type { RunRecord, StepRecord } from './run-record.ts';

/** A run that takes longer is ended; the longest, 200,000 requests, takes some minutes on a busy machine. */
const RUN_LIMIT_MS = 20 * 60_000;
const CLIENT_ATTEMPT_TIMEOUT_MS = 3_000;

/** What one run is made with. */
export interface ExecuteOptions {
  readonly record: RunRecord;
  readonly cluster: HostCluster;
  readonly disturb: Disturb;
  readonly cancelled: AbortSignal;
}

/**
 * Makes a run: its own steps until one fails or it is cancelled, then in any case what puts back the things it broke, and the
 * verification. Never rejects: what goes wrong is in the record.
 */
export async function executeRun(demo: Demo, options: ExecuteOptions): Promise<void> {
  const { record, cluster, cancelled } = options;
  const limit = new AbortController();
  const limitTimer = setTimeout(
    () => limit.abort(new Error(`it took longer than ${RUN_LIMIT_MS / 60_000} minutes`)),
    RUN_LIMIT_MS,
  );
  const over = new AbortController();
  const signal = AbortSignal.any([cancelled, limit.signal, over.signal]);
  setMaxListeners(0, signal);
  const endings: (() => void | Promise<void>)[] = [];
  const context = createContext(demo, { ...options, signal, endings });
  try {
    const planned = demo.steps(context);
    const restores = demo.disturbs !== '';
    const titles = [
      ...planned.map(({ title }) => title),
      ...(restores ? ['Put everything back'] : []),
      'Verify the whole series',
    ];
    const steps = record.planSteps(titles);
    const completed = await makeSteps(planned, { steps, record, signal, cancelled });
    // From here on nothing can be cancelled. Clients that still wait for what is broken must not hold this up.
    over.abort(new Error('the steps are over'));
    await end(endings, record);
    if (restores) await makeStep(steps.at(-2)!, record, step => restore(step, context));
    await makeStep(steps.at(-1)!, record, step => verify(step, context, cluster));
    record.end(record.faulty ? 'failed' : completed ? 'passed' : 'cancelled');
  } catch (error) {
    record.fault(messageOf(error));
    record.end('failed');
  } finally {
    clearTimeout(limitTimer);
    context.client.close();
    context.watch.close();
  }
}

function createContext(
  { name }: Demo,
  {
    record,
    cluster,
    disturb,
    signal,
    endings,
  }: ExecuteOptions & { signal: AbortSignal; endings: (() => void | Promise<void>)[] },
): DemoContext {
  const urls = cluster.nodes.map(({ url }) => url);
  const client = new SeqdClient({ urls, attemptTimeoutMs: CLIENT_ATTEMPT_TIMEOUT_MS });
  signal.addEventListener('abort', () => client.close(), { once: true });
  let vocabulary: Promise<Vocabulary> | undefined;
  return {
    runId: record.facts.id,
    label: `demo ${name}`,
    parameters: record.facts.parameters,
    cluster,
    watch: new ClusterWatch(cluster),
    disturber: new Disturber(disturb),
    record,
    book: new AnswerBook(),
    client,
    signal,
    vocabulary: () => (vocabulary ??= client.stats().then(stats => stats.vocabulary)),
    sleep: ms => sleep(ms, undefined, { signal }),
    onEnd: work => void endings.push(work),
  };
}

/** @returns whether all of them were made */
async function makeSteps(
  planned: ReturnType<Demo['steps']>,
  options: { steps: readonly StepRecord[]; record: RunRecord; signal: AbortSignal; cancelled: AbortSignal },
): Promise<boolean> {
  const { steps, record, signal, cancelled } = options;
  let going = true;
  for (const [i, { work }] of planned.entries()) {
    const step = steps[i]!;
    if (going && !signal.aborted) {
      step.start();
      try {
        await work(step);
        signal.throwIfAborted();
        step.end('done');
        continue;
      } catch (error) {
        going = false;
        if (cancelled.aborted) step.say('Cancelled.');
        else {
          const why = signal.aborted ? messageOf(signal.reason) : messageOf(error);
          step.say(why);
          record.fault(why);
          step.end('failed');
          continue;
        }
      }
    }
    going = false;
    step.end('skipped');
  }
  return going;
}

/** A step that is made in any case. */
async function makeStep(
  step: StepRecord,
  record: RunRecord,
  work: (step: StepRecord) => Promise<string | undefined>,
): Promise<void> {
  step.start();
  const problem = await work(step).catch(messageOf);
  if (problem !== undefined) {
    step.say(problem);
    record.fault(problem);
  }
  step.end(problem === undefined ? 'done' : 'failed');
}

async function end(endings: (() => void | Promise<void>)[], record: RunRecord): Promise<void> {
  for (const work of endings.toReversed()) {
    try {
      await work();
    } catch (error) {
      record.fault(messageOf(error));
    }
  }
}
