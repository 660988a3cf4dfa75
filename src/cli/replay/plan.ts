import { basename } from 'node:path';
import type { NextInput, StatsReply } from '../../client/index.ts';
import { usageError } from '../cli-error.ts';
import type { ReplayDocument } from './documents.ts';
import { createPlacement } from './places.ts';

/** A document as it is sent. */
export interface ReplayTask {
  readonly invoiceNo: string;
  readonly cancellation: boolean;
  readonly input: NextInput;
  /** The same for the same prefix and document, so that a replay run again changes nothing. */
  readonly key: string;
}

/** Decides what is sent for each document. @throws CliError when the server has no fitting document types */
export function planReplay(
  documents: readonly ReplayDocument[],
  { vocabulary, prefix }: { vocabulary: StatsReply['vocabulary']; prefix: string },
): ReplayTask[] {
  const placeOf = createPlacement(vocabulary.sites);
  const invoice = typeFor('issue', 'on-cycle', vocabulary);
  const cancelled = typeFor('suppress', 'suppressed', vocabulary);
  return documents.map(({ invoiceNo, country, cancellation }) => ({
    invoiceNo,
    cancellation,
    input: { ...placeOf(country), invoiceType: cancellation ? cancelled : invoice, reference: invoiceNo },
    key: `${prefix}:${invoiceNo}`,
  }));
}

/** The usual name if it does what is needed, else the first that does. */
function typeFor(behaviour: string, usual: string, { invoiceTypes }: StatsReply['vocabulary']): string {
  if (invoiceTypes[usual] === behaviour) return usual;
  const found = Object.keys(invoiceTypes).find(name => invoiceTypes[name] === behaviour);
  if (found === undefined) throw usageError(`the server has no document type that means "${behaviour}"`);
  return found;
}

/** The start of every key: as given, else the file's base name. @throws CliError when it is too long */
export function prefixOf(given: string | undefined, file: string): string {
  const prefix = encodeURIComponent(given ?? basename(file));
  if (prefix.length > 0 && prefix.length <= 160) return prefix;
  throw usageError('--prefix must be 1 to 160 characters (escaped)');
}
