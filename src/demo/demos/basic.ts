import { SeqdClientError } from '../../client/index.ts';
import type { NextInput, NextReply, Vocabulary } from '../../client/index.ts';
import { comparePositions, parseAllocationId } from '../../core/identifiers.ts';
import { type Demo, type DemoContext, DemoFailure } from '../run/demo.ts';
import type { StepRecord } from '../run/run-record.ts';
import { plural } from './live.ts';
import { none } from './obstacles.ts';
import { placesOf } from './vocabulary.ts';

/** One number for each site, partition and document type. */
export const basic: Demo = {
  name: 'basic',
  title: 'One sequence for everybody',
  plan:
    'Draws one number for each site, partition and document type, one after the other, from whichever node is next. ' +
    'All of them come from one sequence, so the numbers come in the order of the requests. Of the special types, a ' +
    'suppressed document gives its number back at once, and a simulated one gets only a preview.',
  disturbs: '',
  seconds: 1,
  parameters: [],
  obstacle: none,
  steps: context => {
    const drawn: NextReply[] = [];
    return [
      { title: 'Draw one number for each', work: step => drawEach(step, context, drawn) },
      { title: 'Look at the order', work: async step => checkOrder(step, drawn) },
    ];
  },
};

async function drawEach(step: StepRecord, context: DemoContext, drawn: NextReply[]): Promise<void> {
  const { client, book, runId, label, record } = context;
  const vocabulary = await context.vocabulary();
  const inputs = inputsOf(vocabulary);
  const answeredBy = new Set<string>();
  for (const [i, input] of inputs.entries()) {
    context.signal.throwIfAborted();
    const who = `${input.siteId} / ${input.partitionId} / ${input.invoiceType}`;
    try {
      const { reply } = await client.next(
        { ...input, clientId: label, reference: label },
        { key: `demo:${runId}:${i}` },
      );
      answeredBy.add(reply.node);
      if (reply.preview !== true) {
        drawn.push(reply);
        book.note(reply);
      }
      step.say(`${reply.sequenceNumber} ← ${who}${remark(reply)}`);
    } catch (error) {
      if (!(error instanceof SeqdClientError) || error.code !== 'simulated_disabled') throw error;
      step.say(`no number ← ${who} (previews are switched off here)`);
    }
  }
  record.figure('requests', inputs.length);
  record.figure('numbers drawn', drawn.length);
  record.figure('nodes that answered', answeredBy.size);
}

function inputsOf(vocabulary: Vocabulary): Pick<NextInput, 'siteId' | 'partitionId' | 'invoiceType'>[] {
  const types = Object.keys(vocabulary.invoiceTypes);
  return placesOf(vocabulary).flatMap(place => types.map(invoiceType => ({ ...place, invoiceType })));
}

function remark({ preview, released, reused, node }: NextReply): string {
  if (preview === true) return ` (a preview only, by ${node})`;
  const origin = reused ? ', reused from the pool' : '';
  return released === undefined
    ? ` (by ${node}${origin})`
    : ` (by ${node}${origin}, given back at once to the ${released.to})`;
}

function checkOrder(step: StepRecord, drawn: readonly NextReply[]): void {
  const positions = drawn.map(({ allocationId }) => parseAllocationId(allocationId ?? ''));
  const ordered = positions.every(
    (position, i) => position !== undefined && (i === 0 || comparePositions(positions[i - 1]!, position) < 0),
  );
  if (!ordered)
    throw new DemoFailure('the journal has the numbers in another order than they were asked for in');
  const fresh = drawn.filter(({ reused }) => !reused).map(({ sequenceNumber }) => sequenceNumber);
  if (fresh.some((number, i) => i > 0 && number <= fresh[i - 1]!))
    throw new DemoFailure('a new number is not higher than the one before it');
  const places = new Set(drawn.map(({ siteId, partitionId }) => `${siteId}/${partitionId}`)).size;
  step.say(
    `The journal has all ${drawn.length} in the order of the requests, over ${plural(places, 'partition')}.`,
  );
  const reused = drawn.length - fresh.length;
  step.say(
    `${plural(fresh.length, 'new number')}, each higher than the one before` +
      (reused === 0 ? '.' : `, and ${reused} from the pool of those given back, lowest first.`),
  );
}
