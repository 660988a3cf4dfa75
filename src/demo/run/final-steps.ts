// The steps that every run ends with, however it went.

import type { HostCluster } from '../host/messages.ts';
import type { DemoContext } from './demo.ts';
import { messageOf } from './disturber.ts';
import { JournalWitness } from './journal-witness.ts';
import { poll } from './poll.ts';
import type { StepRecord } from './run-record.ts';
import { verifyRun } from './verify-run.ts';

/** How long what was broken may take to serve again. */
const RESTORE_LIMIT_MS = 60_000;

/** Puts back what was broken, and waits until everything serves. @returns what remains broken */
export async function restore(
  step: StepRecord,
  { disturber, watch, cluster }: DemoContext,
): Promise<string | undefined> {
  const problems = await disturber.restore();
  const { touched } = disturber;
  if (touched.size === 0) {
    step.say('Nothing was broken.');
    return problems[0];
  }
  const everything = new Set([
    ...cluster.nodes.map(({ id }) => id),
    ...cluster.members.map(({ name }) => name),
  ]);
  const line = step.say('Waiting until everything serves again…');
  let down: string[] = [];
  const up = await poll(
    async () => {
      down = await watch.down(everything);
      return down.length === 0 ? true : undefined;
    },
    { signal: new AbortController().signal, timeoutMs: RESTORE_LIMIT_MS, intervalMs: 100 },
  );
  if (up === true) {
    line(`All ${cluster.nodes.length} nodes and ${cluster.members.length} etcd members serve.`);
    return problems.length === 0 ? undefined : problems.join('. ');
  }
  return [...problems, `Still not serving: ${down.join(', ')}`].join('. ');
}

/** Proves that the series is complete. @returns what is wrong with it, or with the answers that clients were given */
export async function verify(
  step: StepRecord,
  { record, book, runId }: DemoContext,
  cluster: HostCluster,
): Promise<string | undefined> {
  const line = step.say('Reading all of it from etcd, past the nodes, and replaying its journal…');
  let verified;
  try {
    verified = await verifyRun(cluster, () => new JournalWitness(book.allocations, `demo:${runId}`));
  } catch (error) {
    throw new Error(`The series could not be verified: ${messageOf(error)}`, { cause: error });
  }
  const { verification, duplicates, batches, next, witness, journalFirst } = verified;
  record.verified(verification);
  record.figure('numbers missing', verification.holes);
  record.figure('numbers twice', Math.max(duplicates, book.twice));
  const numbers = verification.last - verification.first + 1;
  line(
    `${numbers.toLocaleString('en')} numbers, ${batches.toLocaleString('en')} batches replayed in ` +
      `${verification.ms} ms: ${verification.holes} numbers missing, ${duplicates} twice.`,
  );
  const answers = [...book.problems({ next }), ...witness.problems({ journalFirst })];
  if (book.count > 0)
    step.say(
      `Clients of this demonstration were given ${book.count.toLocaleString('en')} ${book.count === 1 ? 'number' : 'numbers'}; ${book.twice} twice.` +
        (answers.length === 0 ? ` ${journalSays(witness.pruned({ journalFirst }))}` : ''),
    );
  const problems = [
    ...(verification.complete ? [] : [`The series is not complete: ${verification.problems.join('; ')}`]),
    ...answers,
  ];
  return problems.length === 0 ? undefined : problems.join('. ');
}

const journalSays = (pruned: number): string =>
  pruned === 0
    ? 'The journal has each of these answers as it was given, once.'
    : `The journal has them as they were given, once, but for ${pruned} that are pruned from it already.`;
