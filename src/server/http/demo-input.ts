import { suggest } from '../../config/suggest.ts';
import { SeqdError } from '../../core/errors.ts';
import type { DemoCatalogue, DemoDescription } from '../../demo/demo-run.ts';
import { type Mistake, refuseMistakes, show, toInteger } from './validate.ts';

/** The demonstration of that name. @throws SeqdError `route_not_found` */
export function findDemo(name: string, { demos }: DemoCatalogue): DemoDescription {
  const demo = demos.find(demo => demo.name === name);
  if (demo !== undefined) return demo;
  const names = demos.map(demo => demo.name);
  const meant = suggest(name, names);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`;
  throw new SeqdError('route_not_found', `There is no demonstration ${show(name)}; ${hint}`, {
    details: { allowed: names },
  });
}

/**
 * Checks a run's parameters, from a query string (all texts) or a JSON body; what is not given keeps its default.
 *
 * @returns those that were given
 * @throws SeqdError `invalid_request` with all mistakes in `details.errors`
 */
export function parseDemoParameters(
  fields: Readonly<Record<string, unknown>>,
  { name, parameters, unavailable }: DemoDescription,
): Record<string, number> {
  if (unavailable !== null)
    throw new SeqdError('invalid_request', `${name} cannot be run here: ${unavailable}`);
  const mistakes: Mistake[] = [];
  const given: [string, number][] = [];
  for (const [field, value] of Object.entries(fields)) {
    const parameter = parameters.find(parameter => parameter.name === field);
    if (parameter === undefined) {
      const allowed = parameters.map(parameter => parameter.name);
      const list = allowed.length === 0 ? `${name} has none` : `known are ${allowed.join(', ')}`;
      const detail = `${show(field)} is not a known parameter; ${list}`;
      mistakes.push({ field, code: 'invalid_request', detail, allowed });
      continue;
    }
    const { minimum, maximum } = parameter;
    const number = toInteger(value);
    if (number !== undefined && number >= minimum && number <= maximum) given.push([field, number]);
    else {
      const detail = `${field} must be a whole number from ${minimum} to ${maximum}, not ${show(value)}`;
      mistakes.push({ field, code: 'invalid_request', detail, allowed: { minimum, maximum } });
    }
  }
  refuseMistakes(mistakes);
  return Object.fromEntries(given);
}
