// A process that answers every request at once with a body of the given size and does nothing else.

import { createServer } from 'node:http';

const body = JSON.stringify({ filler: '' });
const answer = body.replace('""', `"${'x'.repeat(Math.max(0, Number(process.argv[3]) - body.length))}"`);
const headers = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(answer),
};

createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(answer);
}).listen(Number(process.argv[2]), '127.0.0.1');
