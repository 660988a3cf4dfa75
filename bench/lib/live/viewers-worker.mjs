// The process that watches: opens as many live streams as its parent asks for, reads all frames, and ends with it.

import { WebSocket } from 'ws';

/** @typedef {{ viewers: number, frames: number, bytes: number, snapshots: number, gaps: number, cpuMs: number }} Watched */

const SEQ = /^\{"type":"(\w+)","seq":(\d+)/;

/** @type {WebSocket[]} */
let sockets = [];
/** @type {Watched} */
let watched = none();
let cpu = process.cpuUsage();

function none() {
  return { viewers: 0, frames: 0, bytes: 0, snapshots: 0, gaps: 0, cpuMs: 0 };
}

/** @param {string} url of a node @returns {Promise<WebSocket>} once it has a snapshot */
function watch(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, 'seqd.live.1');
    /** @type {number | undefined} */
    let seq;
    socket.on('message', data => {
      const bytes = /** @type {Buffer} */ (data);
      watched.frames += 1;
      watched.bytes += bytes.length;
      const [, type, text] = SEQ.exec(bytes.toString('latin1', 0, 60)) ?? [];
      if (text === undefined) return;
      if (type === 'snapshot') {
        watched.snapshots += 1;
        resolve(socket);
      } else if (seq !== undefined && Number(text) !== seq + 1) watched.gaps += 1;
      seq = Number(text);
    });
    socket.on('error', reject);
  });
}

/** @param {{ urls: readonly string[], count: number }} options the viewers are spread over the nodes */
async function open({ urls, count }) {
  sockets = await Promise.all(
    Array.from({ length: count }, (_, i) => watch(/** @type {string} */ (urls[i % urls.length]))),
  );
  watched = none();
  cpu = process.cpuUsage();
}

/** @returns {Watched} since they were opened */
function close() {
  const { user, system } = process.cpuUsage(cpu);
  for (const socket of sockets) socket.terminate();
  const found = { ...watched, viewers: sockets.length, cpuMs: (user + system) / 1_000 };
  sockets = [];
  return found;
}

process.on('message', message => {
  const job = /** @type {{ open?: { urls: readonly string[], count: number } }} */ (message);
  Promise.resolve(job.open === undefined ? close() : open(job.open)).then(
    found => process.send?.({ found }),
    error => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
