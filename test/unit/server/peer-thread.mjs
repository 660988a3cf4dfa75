// A peer in a thread of its own, so that it goes on while the thread of the test stands still. It answers every forward with
// `not_leader`, after so many milliseconds as it is told, and every ping at once.
import { createServer } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { WebSocketServer } from 'ws';

const http = createServer();
const sockets = new WebSocketServer({ server: http, handleProtocols: ([protocol]) => protocol ?? false });
sockets.on('connection', socket =>
  socket.on('message', data => {
    const { id } = JSON.parse(/** @type {Buffer} */ (data).toString('utf8'));
    setTimeout(() => socket.send(JSON.stringify({ id })), workerData.answerAfterMs);
  }),
);
http.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
  parentPort?.postMessage(port);
});
