import { show, toInteger } from '../../server/http/validate.ts';
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
  const errors: { field: string; code: string; detail: string; allowed: unknown }[] = [];
  const code = REFUSALS.invalid.code;
  const names = known.map(({ name }) => name);
  for (const field of Object.keys(fields)) {
    if (names.includes(field)) continue;
    const has = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
    errors.push({ field, code, detail: `${field} is not a parameter; ${has}`, allowed: names });
  }
  const values = Object.fromEntries(
    known.map(({ name, default: usual, minimum, maximum }) => {
      if (!Object.hasOwn(fields, name)) return [name, usual];
      const value = toInteger(fields[name]);
      if (value === undefined || value < minimum || value > maximum) {
        const range = `a whole number from ${minimum} to ${maximum}`;
        const detail = `${name} must be ${range}, not ${show(fields[name])}`;
        errors.push({ field: name, code, detail, allowed: { minimum, maximum } });
      }
      return [name, value ?? usual];
    }),
  );
  if (errors.length > 0)
    throw new DemoRefusal(REFUSALS.invalid, errors.map(({ detail }) => detail).join('; '), { errors });
  return values;
}
