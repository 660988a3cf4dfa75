import { NEXT_PATH, OWNER } from './servers/seqd-request.mjs';

/** @typedef {import('./load-process.mjs').LoadJob} LoadJob */
/** @typedef {import('./servers/seqd-nodes.mjs').SeqdNodes} SeqdNodes */

/**
 * @typedef {object} Contender
 * @property {string} id `family-connections`
 * @property {string} family what `--only` names
 * @property {string} title for people
 * @property {number} connections
 * @property {number} numbersEach numbers in each answer; 0 when answers hold none
 * @property {string} [counter] contenders with the same counter must never draw the same number
 * @property {(ms: number) => Promise<LoadJob> | LoadJob} job
 */

/**
 * @typedef {object} Servers what the contenders talk to; undefined where there is none
 * @property {readonly string[]} endpoints of etcd
 * @property {SeqdNodes} nodes
 * @property {{ url: string }} bareHttp
 * @property {{ port: number } | undefined} redis
 * @property {{ connection: import('pg').ClientConfig } | undefined} postgres
 */

/** Where the comparisons with other systems are made. */
export const USUAL_CONNECTIONS = 64;
export const MANY_CONNECTIONS = 256;
export const NUMBERS_AT_ONCE = 100;

/** What `--only` may name, in the order of a round. */
export const FAMILIES = /** @type {const} */ ([
  'bare-commit',
  'node-http',
  'seqd',
  'seqd-count',
  'seqd-followers',
  'seqd-all',
  'naive',
  'postgres-update',
  'postgres-nextval',
  'redis',
]);

/** The counter of all seqd contenders. */
export const SEQD_COUNTER = 'seqd';

/**
 * Everything that can be measured with the servers there are.
 *
 * @param {Servers} servers
 * @param {readonly number[]} connections for the contenders that are measured at several numbers of them
 * @returns {Contender[]}
 */
export function createContenders(servers, connections) {
  const { endpoints, bareHttp, redis, postgres } = servers;
  const contenders = [
    bareCommit(endpoints),
    ...connections.map(count => nodeHttp(bareHttp.url, count)),
    ...seqdContenders(servers.nodes, connections),
    ...connections.map(count => naive(endpoints, count)),
  ];
  if (postgres !== undefined)
    contenders.push(postgresUpdate(postgres.connection), postgresNextval(postgres.connection));
  if (redis !== undefined) contenders.push(redisIncr(redis.port));
  return contenders;
}

/** @param {SeqdNodes} nodes @param {readonly number[]} connections @returns {Contender[]} */
function seqdContenders(nodes, connections) {
  /** @param {Pick<Contender, 'family' | 'title' | 'connections'>} what @param {() => Promise<string[]>} urls */
  const seqd = (what, urls, numbersEach = 1) => {
    const body = JSON.stringify({ ...OWNER, ...(numbersEach === 1 ? {} : { count: numbersEach }) });
    /** @type {Contender['job']} */
    const job = async ms => ({
      load: 'http',
      numbersEach,
      options: {
        ms,
        body,
        connections: what.connections,
        numbered: true,
        urls: (await urls()).map(url => `${url}${NEXT_PATH}`),
      },
    });
    return { ...what, id: `${what.family}-${what.connections}`, numbersEach, counter: SEQD_COUNTER, job };
  };
  const leader = async () => [(await nodes.leader()).url];
  const followers = async () => {
    const leading = await nodes.leader();
    return nodes.nodes.filter(node => node !== leading).map(node => node.url);
  };
  const all = async () => nodes.nodes.map(node => node.url);
  return [
    ...connections.map(count => seqd({ family: 'seqd', title: 'seqd', connections: count }, leader)),
    seqd(
      { family: 'seqd-count', title: `seqd, count=${NUMBERS_AT_ONCE}`, connections: USUAL_CONNECTIONS },
      leader,
      NUMBERS_AT_ONCE,
    ),
    seqd(
      { family: 'seqd-followers', title: 'seqd, followers only', connections: USUAL_CONNECTIONS },
      followers,
    ),
    ...[USUAL_CONNECTIONS, MANY_CONNECTIONS].map(count =>
      seqd({ family: 'seqd-all', title: 'seqd, all four nodes', connections: count }, all),
    ),
  ];
}

/** @param {readonly string[]} endpoints @returns {Contender} */
function bareCommit(endpoints) {
  return {
    id: 'bare-commit-1',
    family: 'bare-commit',
    title: 'one etcd commit at a time',
    connections: 1,
    numbersEach: 0,
    job: ms => ({ load: 'bare-commit', numbersEach: 1, options: { ms, endpoints } }),
  };
}

/** @param {string} url @param {number} connections @returns {Contender} */
function nodeHttp(url, connections) {
  const body = JSON.stringify(OWNER);
  return {
    id: `node-http-${connections}`,
    family: 'node-http',
    title: 'bare node:http, no numbers',
    connections,
    numbersEach: 0,
    job: ms => ({
      load: 'http',
      numbersEach: 1,
      options: { ms, body, connections, numbered: false, urls: [url] },
    }),
  };
}

/** @param {readonly string[]} endpoints @param {number} connections @returns {Contender} */
function naive(endpoints, connections) {
  return {
    id: `naive-${connections}`,
    family: 'naive',
    title: 'naive compare-and-swap on etcd',
    connections,
    numbersEach: 1,
    counter: 'naive',
    job: ms => ({ load: 'naive-cas', numbersEach: 1, options: { ms, endpoints, connections } }),
  };
}

/** @param {import('pg').ClientConfig} connection @returns {Contender} */
function postgresUpdate(connection) {
  return postgresContender('update', 'PostgreSQL UPDATE … RETURNING', connection);
}

/** @param {import('pg').ClientConfig} connection @returns {Contender} */
function postgresNextval(connection) {
  return postgresContender('nextval', 'PostgreSQL nextval (leaves gaps)', connection);
}

/**
 * @param {import('./loads/postgres-load.mjs').PostgresQuery} query
 * @param {string} title
 * @param {import('pg').ClientConfig} connection
 * @returns {Contender}
 */
function postgresContender(query, title, connection) {
  const family = `postgres-${query}`;
  return {
    id: `${family}-${USUAL_CONNECTIONS}`,
    family,
    title,
    connections: USUAL_CONNECTIONS,
    numbersEach: 1,
    counter: family,
    job: ms => ({
      load: 'postgres',
      numbersEach: 1,
      options: { ms, connection, query, connections: USUAL_CONNECTIONS },
    }),
  };
}

/** @param {number} port @returns {Contender} */
function redisIncr(port) {
  return {
    id: `redis-${USUAL_CONNECTIONS}`,
    family: 'redis',
    title: 'Redis INCR, one machine',
    connections: USUAL_CONNECTIONS,
    numbersEach: 1,
    counter: 'redis',
    job: ms => ({
      load: 'redis',
      numbersEach: 1,
      options: { ms, port, key: 'bench', connections: USUAL_CONNECTIONS },
    }),
  };
}
