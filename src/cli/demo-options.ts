import { suggest } from '../config/suggest.ts';
import { kebabOf } from '../config/keys.ts';
import type { DemoCatalogue, DemoDescription, DemoParameter } from '../demo/demo-run.ts';
import { usageError } from './cli-error.ts';

/** The option of a parameter: `requestsPerThread` → `--requests-per-thread`. */
export const demoOptionOf = ({ name }: Pick<DemoParameter, 'name'>): string => `--${kebabOf(name)}`;

/** The demonstration that was named. @throws CliError naming those that there are */
export function chooseDemo(name: string, { demos }: DemoCatalogue): DemoDescription {
  const demo = demos.find(demo => demo.name === name);
  if (demo !== undefined) {
    if (demo.unavailable !== null) throw usageError(`${name} cannot be run here: ${demo.unavailable}`);
    return demo;
  }
  const names = demos.map(demo => demo.name);
  const meant = suggest(name, names);
  throw usageError(
    `there is no demonstration ${JSON.stringify(name)}; ${meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`}`,
  );
}

/**
 * Reads `--total-requests 5000 --concurrent-threads=32` as the demonstration's parameters.
 *
 * @throws CliError naming the first mistake
 */
export function parseDemoOptions(
  args: readonly string[],
  { name, parameters }: DemoDescription,
): Record<string, number> {
  const given = new Map<string, number>();
  const rest = [...args];
  while (rest.length > 0) {
    const [option = '', ...joined] = rest.shift()!.split('=');
    const parameter = parameters.find(parameter =>
      [demoOptionOf(parameter), `--${parameter.name}`].includes(option),
    );
    if (parameter === undefined) throw unknownOption(option, name, parameters);
    const value = joined.length > 0 ? joined.join('=') : rest.shift();
    const { minimum, maximum } = parameter;
    const number = /^\d{1,15}$/.test(value ?? '') ? Number(value) : Number.NaN;
    if (!(number >= minimum && number <= maximum))
      throw usageError(
        `${option} must be a whole number from ${minimum} to ${maximum}, not ${value === undefined ? 'nothing' : JSON.stringify(value)}`,
      );
    if (given.has(parameter.name)) throw usageError(`${option} is given twice`);
    given.set(parameter.name, number);
  }
  return Object.fromEntries(given);
}

function unknownOption(option: string, name: string, parameters: readonly DemoParameter[]): Error {
  const options = parameters.map(demoOptionOf);
  const meant = suggest(option, options);
  const hint =
    meant !== undefined
      ? `did you mean ${meant}?`
      : options.length === 0
        ? 'it has none'
        : `it has ${options.join(', ')}`;
  return usageError(`${JSON.stringify(option)} is no option of the demonstration ${name}; ${hint}`);
}
