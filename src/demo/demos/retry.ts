import {
  type Answer,
  type NextInput,
  type NextReply,
  SeqdClient,
  SeqdClientError,
} from '../../client/index.ts';
import type { HostNode } from '../host/messages.ts';
import { loseReply } from '../load/lost-reply.ts';
import { type Demo, type DemoContext, DemoFailure } from '../run/demo.ts';
import type { StepRecord } from '../run/run-record.ts';
import { none } from './obstacles.ts';
import { inputOf } from './vocabulary.ts';

/** What a request that was cut off has time for before it is repeated. */
const AFTER_CUT_MS = 300;
const BUDGET_MS = 10_000;

/** The same request twice is one number. */
export const retry: Demo = {
  name: 'retry',
  title: 'The same request twice',
  plan:
    'Sends the same request twice, with the same idempotency key, to two nodes: both answer with the same number. Then cuts the connection of a request ' +
    'before its answer arrives, so that the client cannot know whether it has a number, and repeats it at another node: the answer is ' +
    'the number that had been issued. The same key with another request is refused.',
  disturbs: '',
  seconds: 2,
  parameters: [],
  obstacle: none,
  steps: context => {
    const lost: Lost = { key: `demo:${context.runId}:lost` };
    return [
      { title: 'Send the same request twice', work: step => askTwice(step, context) },
      { title: 'Lose an answer', work: step => loseAnswer(step, context, lost) },
      { title: 'Use the key for another request', work: step => misuseKey(step, context, lost) },
    ];
  },
};

interface Lost {
  key: string;
  reply?: NextReply;
}

/** Two nodes; where there is one, that one twice. */
function twoNodes({ cluster }: DemoContext): readonly [HostNode, HostNode] {
  const [first, second] = cluster.nodes;
  return [first!, second ?? first!];
}

async function inputFor(context: DemoContext): Promise<NextInput> {
  return inputOf(await context.vocabulary(), context.label)(context.cluster.nodes[0]!, 0);
}

/** Draws from this node and no other. */
async function drawAt(node: HostNode, input: NextInput, key: string): Promise<Answer<NextReply>> {
  const client = new SeqdClient({ urls: [node.url], budgetMs: BUDGET_MS });
  try {
    return await client.next(input, { key });
  } finally {
    client.close();
  }
}

async function askTwice(step: StepRecord, context: DemoContext): Promise<void> {
  const [one, other] = twoNodes(context);
  const input = await inputFor(context);
  const key = `demo:${context.runId}:twice`;
  step.say(`Idempotency-Key: ${key}`);
  const first = await drawAt(one, input, key);
  context.book.note(first.reply);
  step.say(`${one.id} answers: number ${first.reply.sequenceNumber}.`);
  const second = await drawAt(other, input, key);
  if (second.reply.sequenceNumber !== first.reply.sequenceNumber || !second.replayed)
    throw new DemoFailure(`${other.id} answers the same request with number ${second.reply.sequenceNumber}`);
  step.say(
    `${other.id} answers: number ${second.reply.sequenceNumber}, and that it is a repetition (Idempotent-Replayed).`,
  );
  context.record.figure('same key twice', `${first.reply.sequenceNumber} = ${second.reply.sequenceNumber}`);
}

async function loseAnswer(step: StepRecord, context: DemoContext, lost: Lost): Promise<void> {
  const [one, other] = twoNodes(context);
  const input = await inputFor(context);
  const body = JSON.stringify(input);
  for (const cut of ['sent', 'answered'] as const) {
    lost.key = `demo:${context.runId}:lost-${cut}`;
    await loseReply({ url: one.url, path: '/api/v1/sequence/next', key: lost.key, body, cut });
    step.say(
      cut === 'sent'
        ? `Request sent to ${one.id}, and the connection cut before the answer. Is there a number? The client cannot know.`
        : `Sent again with another key, and cut when the answer was there, unread.`,
    );
    await context.sleep(AFTER_CUT_MS);
    const repeatedAt = Date.now();
    const { reply, replayed } = await drawAt(other, input, lost.key);
    context.book.note(reply);
    lost.reply = reply;
    if (replayed) {
      const issuedMs = Date.parse(reply.issuedAt ?? '');
      step.say(`Repeated at ${other.id} with the same key: number ${reply.sequenceNumber}.`);
      step.say(
        `It had been issued for the lost request, ${Math.max(0, repeatedAt - issuedMs)} ms before the repetition; no second one was.`,
      );
      context.record.figure('number of the lost answer', reply.sequenceNumber);
      return;
    }
    step.say(
      `Repeated at ${other.id}: number ${reply.sequenceNumber}. The first request had never got to ${one.id}.`,
    );
  }
  throw new DemoFailure('a request whose answer had arrived was not known when it was repeated');
}

async function misuseKey(step: StepRecord, context: DemoContext, { key, reply }: Lost): Promise<void> {
  const [one] = twoNodes(context);
  const input = { ...(await inputFor(context)), reference: `${context.label}: another document` };
  try {
    await drawAt(one, input, key);
  } catch (error) {
    if (!(error instanceof SeqdClientError) || error.code !== 'idempotency_key_reused') throw error;
    step.say(`For another document with that key: refused, ${error.status} ${error.code}.`);
    step.say(`So nobody is given ${reply!.sequenceNumber} by mistake.`);
    return;
  }
  throw new DemoFailure('another request with the same key was not refused');
}
