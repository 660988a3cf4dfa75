import { suggest } from '../../config/suggest.ts';
import { SeqdError } from '../../core/errors.ts';
import type { DemoCatalogue, DemoDescription } from '../../demo/demo-run.ts';
import { integerOf, type Mistake, refuseMistakes, refuseUnknown, show } from './fields.ts';

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
  const names = parameters.map(parameter => parameter.name);
  refuseUnknown(fields, names, mistakes);
  const given = parameters.map(({ name, minimum, maximum }) => [
    name,
    integerOf(name, fields, { minimum, maximum }, mistakes),
  ]);
  refuseMistakes(mistakes);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as Record<string, number>;
}
