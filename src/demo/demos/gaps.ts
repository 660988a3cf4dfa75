import { type Answer, type NextReply, type ReleaseInput, SeqdClientError } from '../../client/index.ts';
import { type Demo, type DemoContext, DemoFailure } from '../run/demo.ts';
import type { StepRecord } from '../run/run-record.ts';
import { none } from './obstacles.ts';
import { inputOf } from './vocabulary.ts';

const DRAWN = 6;
/** Which of them are given back. */
const GIVEN_BACK = [1, 3, 4] as const;
const REASON = 'demo gaps: suppressed bill';

/** Numbers given back are given out again. */
export const gaps: Demo = {
  name: 'gaps',
  title: 'Numbers given back',
  plan:
    `Draws ${DRAWN} numbers and gives ${GIVEN_BACK.length} of them back, as for documents that are suppressed. The next ones drawn are those, lowest ` +
    'first, so no gap stays. Then the request that gave one back is repeated, as a client would that has lost the answer: it must not ' +
    'take the number from its new owner.',
  disturbs: '',
  seconds: 1,
  parameters: [],
  obstacle: none,
  steps: context => {
    const round: Round = { drawn: [], releases: [], again: [] };
    return [
      { title: `Draw ${DRAWN} numbers`, work: step => drawSome(step, context, round) },
      { title: `Give ${GIVEN_BACK.length} of them back`, work: step => giveBack(step, context, round) },
      { title: 'Draw again', work: step => drawAgain(step, context, round) },
      {
        title: 'Repeat a release that was answered already',
        work: step => repeatRelease(step, context, round),
      },
    ];
  },
};

/** What was done so far. */
interface Round {
  drawn: NextReply[];
  readonly releases: { readonly key: string; readonly input: ReleaseInput; readonly to: string }[];
  readonly again: NextReply[];
  /** The batch of the journal that the last release is in, as others may draw, too. */
  sequenceBefore?: number;
}

async function drawOne(context: DemoContext, key: string): Promise<NextReply> {
  const { client, label, cluster, book, runId } = context;
  const input = inputOf(await context.vocabulary(), label)(cluster.nodes[0]!, 0);
  const { reply } = await client.next(input, { key: `demo:${runId}:${key}` });
  book.note(reply);
  return reply;
}

async function drawSome(step: StepRecord, context: DemoContext, round: Round): Promise<void> {
  const { pooled } = await context.client.stats();
  if (pooled > 0) step.say(`The pool holds ${pooled} already; those are given out first, lowest first.`);
  for (let i = 0; i < DRAWN; i += 1) round.drawn.push(await drawOne(context, `draw-${i}`));
  step.say(`Drew ${list(round.drawn)}.`);
  context.record.figure('numbers drawn', list(round.drawn));
}

async function giveBack(
  step: StepRecord,
  { client, label, record, runId }: DemoContext,
  round: Round,
): Promise<void> {
  for (const at of GIVEN_BACK) {
    const { sequenceNumber, siteId, partitionId, allocationId } = round.drawn[at]!;
    const input = {
      sequenceNumber,
      siteId,
      partitionId,
      reason: REASON,
      clientId: label,
      ...idOf(allocationId),
    };
    const key = `demo:${runId}:release-${at}`;
    const { reply } = await client.release(input, { key });
    round.releases.push({ key, input, to: reply.releasedTo });
  }
  const numbers = round.releases.map(({ input }) => input.sequenceNumber);
  step.say(`Gave back ${numbers.join(', ')}: now in the ${round.releases[0]!.to}.`);
  record.figure('given back', numbers.join(', '));
  round.sequenceBefore = (await client.stats()).journal.sequence;
}

const idOf = (allocationId: string | undefined): { allocationId?: string } =>
  allocationId === undefined ? {} : { allocationId };

async function drawAgain(step: StepRecord, context: DemoContext, round: Round): Promise<void> {
  for (let i = 0; i < GIVEN_BACK.length; i += 1) round.again.push(await drawOne(context, `again-${i}`));
  const { journal, reuse } = await context.client.stats();
  const expected = round.releases.map(({ input }) => input.sequenceNumber).sort((a, b) => a - b);
  const got = round.again.map(({ sequenceNumber }) => sequenceNumber);
  context.record.figure('drawn next', list(round.again));
  if (reuse === 'never') {
    step.say(
      `Drew ${got.join(', ')}: new numbers, since this series is set up to reuse none (those given back are void).`,
    );
    if (round.again.some(({ reused }) => reused)) throw new DemoFailure('a number was reused all the same');
    return;
  }
  const same = got.every((number, i) => number === expected[i]);
  const alone = journal.sequence - (round.sequenceBefore ?? 0) === GIVEN_BACK.length;
  if (same) step.say(`Drew ${got.join(', ')}: exactly those given back, lowest first.`);
  else if (alone) throw new DemoFailure(`drew ${got.join(', ')} instead of ${expected.join(', ')}`);
  else
    step.say(
      `Drew ${got.join(', ')}: others draw at the same time, and were given some of ${expected.join(', ')}.`,
    );
}

async function repeatRelease(step: StepRecord, context: DemoContext, round: Round): Promise<void> {
  const { client, runId } = context;
  const { key, input } = round.releases[0]!;
  const repeated = await client.release(input, { key });
  if (!repeated.replayed) throw new DemoFailure('the repetition was carried out as if it were new');
  step.say(`The same request with the same key: the stored answer comes again, nothing is done.`);
  const number = input.sequenceNumber;
  const { reuse } = await client.stats();
  if (reuse === 'never') return;
  const refused = await refusalOf(() => client.release(input, { key: `demo:${runId}:late-release` }));
  if (refused === undefined) throw new DemoFailure(`${number} was taken from its new owner`);
  step.say(
    `The same with a new key, which is a mistake of the client: refused, ${refused.status} ${refused.code}.`,
  );
  const owner = round.again.find(({ sequenceNumber }) => sequenceNumber === number);
  if (owner === undefined) return;
  const { state } = await client.numberLife(number);
  if (state.status !== 'issued' || state.allocationId !== owner.allocationId)
    throw new DemoFailure(`${number} is ${state.status} and no longer its new owner's`);
  step.say(`${number} still belongs to its new owner (allocation ${owner.allocationId}).`);
}

async function refusalOf(send: () => Promise<Answer<object>>): Promise<SeqdClientError | undefined> {
  try {
    await send();
    return undefined;
  } catch (error) {
    if (error instanceof SeqdClientError && error.retry === 'never') return error;
    throw error;
  }
}

const list = (replies: readonly NextReply[]): string =>
  replies.map(({ sequenceNumber }) => sequenceNumber).join(', ');
