import { parseArgs } from 'node:util';

/**
 * @typedef {object} BenchOptions
 * @property {number} rounds
 * @property {number} seconds each contender's time in each round
 * @property {number} warmupSeconds each contender's time before the first round
 * @property {readonly number[]} connections
 * @property {readonly string[]} only families of contenders; empty for all
 * @property {string} [json] a file
 * @property {string} [svg] a file
 */

export const BENCH_USAGE = `npm run bench -- [options]
  --rounds N          how often each contender runs, in turn with the others (5)
  --seconds N         how long each time (3)
  --connections LIST  at which numbers of connections (1,16,64,256)
  --only LIST         only these contenders, such as seqd,naive,bare-commit
  --quick             one short round: does everything still work? Its times say nothing
  --json FILE         write all figures
  --svg FILE          write the chart`;

/**
 * @param {readonly string[]} args
 * @param {readonly string[]} families what `--only` may name
 * @returns {BenchOptions | undefined} undefined when asked for help
 * @throws with what is wrong
 */
export function parseBenchOptions(args, families) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string', default: '1,16,64,256' },
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const only = values.only.split(',').filter(name => name !== '');
  const unknown = only.filter(name => !families.includes(name));
  if (unknown.length > 0) throw new Error(`--only: ${unknown.join(', ')} is none of ${families.join(', ')}`);
  const seconds = positive('--seconds', values.seconds ?? (values.quick ? '0.4' : '3'));
  return {
    rounds: whole('--rounds', values.rounds ?? (values.quick ? '1' : '5')),
    seconds,
    warmupSeconds: Math.min(seconds, values.quick ? 0.2 : 1),
    connections: values.connections.split(',').map(text => whole('--connections', text)),
    only,
    ...(values.json === undefined ? {} : { json: values.json }),
    ...(values.svg === undefined ? {} : { svg: values.svg }),
  };
}

/** @param {string} flag @param {string} text @returns {number} */
function positive(flag, text) {
  const value = Number(text);
  if (!(value > 0 && value < 1e9)) throw new Error(`${flag} must be a number above 0, not ${text}`);
  return value;
}

/**
 * @param {string} flag for the message
 * @param {string} text
 * @returns {number} a whole number from 1
 * @throws when it is not one
 */
export function whole(flag, text) {
  const value = positive(flag, text);
  if (!Number.isInteger(value)) throw new Error(`${flag} must be a whole number, not ${text}`);
  return value;
}

/**
 * What a bench was asked for that knows `--quick`, `--json` and whole numbers. Shows its usage when it is asked for that.
 *
 * @template {string} Name
 * @param {string} usage
 * @param {Readonly<Record<Name, { readonly full: number, readonly quick: number }>>} numbers what they are unless given
 * @returns {Record<Name, number> & { quick: boolean, json: string | undefined } | undefined} undefined when asked for help
 * @throws with what is wrong
 */
export function readWholeOptions(usage, numbers) {
  const names = /** @type {Name[]} */ (Object.keys(numbers));
  /** @type {Record<string, { type: 'string' | 'boolean' }>} */
  const options = { quick: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean' } };
  for (const name of names) options[name] = { type: 'string' };
  const values = /** @type {Record<string, any>} */ (parseArgs({ options }).values);
  if (values['help'] === true) {
    process.stdout.write(`${usage}\n`);
    return undefined;
  }
  const quick = values['quick'] === true;
  const wanted = names.map(name => {
    const text = values[name] ?? String(numbers[name][quick ? 'quick' : 'full']);
    return [name, whole(`--${name}`, text)];
  });
  return { ...Object.fromEntries(wanted), quick, json: values['json'] };
}
