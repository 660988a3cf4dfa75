import { parseArgs } from 'node:util';
import { FIRST_PORT_DEFAULT, FIRST_PORT_MAX, NODES_MAX } from './plan.mjs';

/**
 * @typedef {object} PocArguments
 * @property {'start' | 'stop' | 'reset' | 'help'} action
 * @property {boolean} detach
 * @property {boolean} open whether to open the browser
 * @property {number} nodes 1 to NODES_MAX
 * @property {number} port of the first node
 * @property {boolean} ledger whether to have one
 * @property {boolean} demos whether to have the demonstrations, which break nodes and etcd members for a while
 * @property {string[]} endpoints of an etcd to use instead of our own members; empty: start our own
 */

export const USAGE = `Starts seqd on this machine: three etcd members, a PostgreSQL for the ledger, and four nodes (2 sites x 2 partitions).

Usage: ./START-POC.sh [options]        (Windows: START-POC.bat, anywhere: npm start -- [options])

  --detach            run in the background; returns when everything is ready
  --stop              stop a running demonstration; its numbers stay
  --reset             stop, delete its numbers and logs, start afresh; only with the etcd this script starts:
                      refused (exit code 2) with one that is given, where nothing is ever deleted
  --no-open           do not open the browser
  --nodes N           number of nodes, 1 to ${NODES_MAX} (default 4)
  --port P            port of the first node (default ${FIRST_PORT_DEFAULT}); the others follow, etcd's from P + 4299
  --endpoints A,B,C   use this etcd instead of starting one (or SEQD_ETCD_ENDPOINTS); its history is not compacted
  --no-ledger         no PostgreSQL: numbers are issued as ever, their history stays in etcd for a while
                      (with DATABASE_URL the ledger is in that database, and none is started)
  --no-demos          no demonstrations: nothing but a real failure stops a node or an etcd member
  --help              this text
`;

/** What was asked for is never done this way; nothing has been touched. */
export class RefusedError extends Error {}

/** The command line is wrong; nothing has been touched. */
export class UsageError extends Error {}

/**
 * A reset deletes the data of the etcd members that the script runs. In an etcd that is given others may keep things,
 * and the script's own members are not those the user means then.
 *
 * @param {readonly string[]} endpoints of the given etcd; empty: members of our own
 * @throws RefusedError when there is one
 */
export function refuseResetOf(endpoints) {
  if (endpoints.length === 0) return;
  throw new RefusedError(
    [
      `--reset deletes nothing in an etcd that is given (${endpoints.join(', ')}), so nothing was stopped or deleted.`,
      'To start afresh there, use another cluster name (SEQD_CLUSTER), or delete the keys below /seqd/<cluster>/ yourself.',
      'To reset the etcd this script starts, leave out --endpoints, SEQD_ETCD_ENDPOINTS and sequence.etcd.embedded: false.',
    ].join('\n'),
  );
}

/**
 * A ledger that is given keeps what it has; without its numbers in etcd, seqd would refuse to issue any.
 *
 * @param {string | null} url of the given ledger
 * @throws RefusedError when there is one
 */
export function refuseResetOfLedger(url) {
  if (url === null) return;
  throw new RefusedError(
    [
      '--reset deletes nothing in a database that is given (DATABASE_URL or sequence.ledger.url), so nothing was stopped or deleted.',
      'To start afresh there, use another cluster name (SEQD_CLUSTER), or empty it yourself (seqd migrate down --yes) and take',
      'it out of the configuration for the reset.',
    ].join('\n'),
  );
}

/**
 * Reads the command line of the start script.
 *
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {PocArguments}
 * @throws UsageError naming the option that is unknown or out of range
 */
export function parsePocArguments(args, env) {
  const values = parseOptions(args, env);
  if (values.stop && values.reset)
    throw new UsageError('--stop and --reset exclude each other; --reset stops, too');
  return {
    action: values.help ? 'help' : values.stop ? 'stop' : values.reset ? 'reset' : 'start',
    detach: values.detach,
    open: !values['no-open'],
    ledger: !values['no-ledger'],
    demos: !values['no-demos'],
    nodes: parseWithin('--nodes', values.nodes, 1, NODES_MAX),
    port: parseWithin('--port', values.port, 1, FIRST_PORT_MAX),
    endpoints: values.endpoints.split(',').flatMap(part => (part.trim() === '' ? [] : [part.trim()])),
  };
}

/**
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @throws UsageError in the words of `parseArgs`
 */
function parseOptions(args, env) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        detach: { type: 'boolean', default: false },
        stop: { type: 'boolean', default: false },
        reset: { type: 'boolean', default: false },
        'no-open': { type: 'boolean', default: false },
        'no-ledger': { type: 'boolean', default: false },
        'no-demos': { type: 'boolean', default: false },
        nodes: { type: 'string', default: '4' },
        port: { type: 'string', default: String(FIRST_PORT_DEFAULT) },
        endpoints: { type: 'string', default: env['SEQD_ETCD_ENDPOINTS'] ?? '' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/**
 * @param {string} option
 * @param {string} text
 * @param {number} min
 * @param {number} max
 */
function parseWithin(option, text, min, max) {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${option} must be a whole number from ${min} to ${max}, not "${text}"`);
}
