import { SeqdError } from './errors.ts';

/**
 * Parses a stored record's JSON; its shape is the caller's to know.
 *
 * @throws SeqdError `invariant_violated`: nobody writes half a record, so reading it again would not help
 */
export function parseStored(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SeqdError('invariant_violated', `The stored ${what} is not JSON`, { cause: error });
  }
}
