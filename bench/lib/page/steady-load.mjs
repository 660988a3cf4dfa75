import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const PLACES = ['site-1', 'site-2'].flatMap(site => ['partition-a', 'partition-b'].map(part => [site, part]));
const TYPES = ['on-cycle', 'on-cycle', 'on-cycle', 'off-cycle'];
/** Every so often a number is given back, so that the pool is in use, too. */
const RELEASE_EVERY = 25;

/**
 * Draws at a steady, moderate pace at all nodes, as many clients would; not to find out how fast they are.
 *
 * @param {readonly string[]} urls
 * @param {{ clients?: number, pauseMs?: number }} [options] each client waits so long between two requests
 * @returns {{ drawn: () => number, stop: () => Promise<void> }} how many numbers so far; `stop` waits for what is under way
 */
export function startSteadyLoad(urls, { clients = 16, pauseMs = 20 } = {}) {
  const agent = new Agent({ keepAlive: true });
  const end = new AbortController();
  let drawn = 0;

  const run = /** @param {number} client */ async client => {
    const url = urls[client % urls.length] ?? '';
    const [siteId, partitionId] = PLACES[client % PLACES.length] ?? [];
    for (let turn = 0; !end.signal.aborted; turn += 1) {
      const invoiceType = TYPES[turn % TYPES.length];
      const body = { siteId, partitionId, invoiceType, reference: `order ${client}-${turn}` };
      const reply = await post(agent, `${url}/api/v1/sequence/next`, body);
      if (reply !== undefined) drawn += 1;
      if (reply !== undefined && turn % RELEASE_EVERY === RELEASE_EVERY - 1) {
        const { sequenceNumber, allocationId } = reply;
        const reason = 'order withdrawn';
        const back = { sequenceNumber, allocationId, siteId, partitionId, reason };
        await post(agent, `${url}/api/v1/sequence/release`, back);
      }
      await sleep(reply === undefined ? 100 : pauseMs);
    }
  };
  const runs = Array.from({ length: clients }, (_, client) => run(client));
  return {
    drawn: () => drawn,
    async stop() {
      end.abort();
      await Promise.all(runs);
      agent.destroy();
    },
  };
}

/**
 * @param {Agent} agent
 * @param {string} url
 * @param {object} body
 * @returns {Promise<any>} undefined when it did not work
 */
function post(agent, url, body) {
  return new Promise(resolve => {
    const headers = { 'content-type': 'application/json' };
    const sent = request(url, { method: 'POST', agent, headers, timeout: 5_000 }, response => {
      let text = '';
      response.on('data', chunk => (text += String(chunk)));
      response.on('error', () => resolve(undefined));
      response.on('end', () => resolve(response.statusCode === 200 ? JSON.parse(text) : undefined));
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(undefined));
    sent.end(JSON.stringify(body));
  });
}
