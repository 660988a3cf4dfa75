import { integerOf, type Mistake, refuseUnknown } from '../../server/http/fields.ts';
import type { DemoParameter } from '../demo-run.ts';
import { DemoRefusal, REFUSALS } from './demo-refusal.ts';

/**
 * Checks what a run is given, from a query (texts) or a JSON body, and fills in what it is not given.
 *
 * @throws DemoRefusal `invalid_request` with all mistakes in `details.errors`
 */
export function parseParameters(
  known: readonly DemoParameter[],
  fields: Readonly<Record<string, unknown>>,
): Record<string, number> {
  const errors: Mistake[] = [];
  const names = known.map(({ name }) => name);
  refuseUnknown(fields, names, errors);
  const values = known.map(({ name, default: usual, minimum, maximum }) => [
    name,
    integerOf(name, fields, { minimum, maximum }, errors) ?? usual,
  ]);
  if (errors.length > 0)
    throw new DemoRefusal(REFUSALS.invalid, errors.map(({ detail }) => detail).join('; '), { errors });
  return Object.fromEntries(values) as Record<string, number>;
}
