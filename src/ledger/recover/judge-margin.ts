import { decodeBatch } from '../../core/batch-codec.ts';
import { SeqdError } from '../../core/errors.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import { readJournal } from '../../sequencer/load-state.ts';
import { foundSequence, type SeriesStanding } from '../series-standing.ts';
import { defaultMargin, type Fork, isLedgerStale, type Margin } from './recovery-plan.ts';
import type { RecoveryDependencies, RecoveryRequest } from './recovery-request.ts';

/** Batches read at a time. */
const CHUNK = 1_000;
/** The last batches of the ledger that the default margin is judged by. */
const RATE_BATCHES = 5_000;

/** What a margin is judged by. */
interface Found {
  readonly standing: SeriesStanding;
  readonly fork: Fork | null;
  readonly request: RecoveryRequest;
  readonly deps: RecoveryDependencies;
}

/**
 * How much further than is known a counter is to be raised.
 *
 * @throws SeqdError `behind_ledger` when that cannot be told, see {@link demandKnowledge}
 */
export async function judgeMargin(series: SeriesId, found: Found): Promise<Margin> {
  const { standing, fork, request, deps } = found;
  const { margin } = request;
  if (margin !== undefined) return { numbers: margin, reason: 'as asked' };
  if (fork === null) await demandKnowledge(series, found);
  const { sequence } = standing.ledger;
  const texts: string[] = [];
  for (let first = Math.max(1, sequence - RATE_BATCHES + 1); first <= sequence; first += CHUNK)
    for (const { text } of await deps.ledger.batches(series, first, CHUNK)) texts.push(text);
  return defaultMargin(texts.map(decodeBatch));
}

/**
 * The default margin is for a ledger that was written until the end. @throws SeqdError `behind_ledger` when it was not, and neither a node nor
 * a person knows more
 */
async function demandKnowledge(series: SeriesId, { standing, request, deps }: Found): Promise<void> {
  const { ledger, head, recovery } = standing;
  const { rememberedSequence, isAboveGiven } = request;
  // What the last recovery added itself, and could not write to the ledger any more, says nothing of what was lost.
  const isLatest = recovery?.state === 'done' && recovery.sequence === head?.sequence;
  const found = isLatest ? recovery.foundSequence : foundSequence(standing);
  if (isAboveGiven || found === 0 || rememberedSequence > Math.max(found, ledger.sequence)) return;
  const [last] = await deps.ledger.batches(series, ledger.sequence, 1);
  const written = last === undefined ? 0 : decodeBatch(last.text).time;
  const newest = head?.sequence === found ? head.time : await timeOf(deps, series, found);
  if (!isLedgerStale({ etcd: newest, ledger: written })) return;
  const until = last === undefined ? 'holds nothing' : `ends ${Math.round((newest - written) / 1000)} s`;
  throw new SeqdError(
    'behind_ledger',
    `The ledger ${until} before batch ${found}, which etcd still has: it was not written when the rest was lost, so it cannot tell how many numbers ` +
      'nobody knows of. Look for the highest number on any document and say --above NUMBER, or say --margin NUMBERS',
  );
}

/** When a batch was committed; 0 when its entry is gone. */
async function timeOf({ store }: RecoveryDependencies, series: SeriesId, sequence: number): Promise<number> {
  const [entry] = await readJournal(store, series, { first: sequence, last: sequence });
  return entry?.batch.time ?? 0;
}
