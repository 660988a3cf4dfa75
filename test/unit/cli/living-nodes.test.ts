import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { askNodes, furthestNode } from '../../../src/cli/living-nodes.ts';

/** Something that answers `/health` with this. */
async function answering(cluster: object): Promise<string> {
  const server = createServer((_request, response) => response.end(JSON.stringify({ cluster })));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('only nodes of the cluster are believed, and the one that saw most is named', async () => {
  const guard = (next: number | null) => ({ state: 'refusing', sequence: next ?? 0, next });
  const stranger = await answering({ name: 'other', restoreGuard: guard(1_000_000) });
  const nameless = await answering({ restoreGuard: guard(2_000_000) });
  const first = await answering({ name: 'ours', restoreGuard: guard(70) });
  const second = await answering({ name: 'ours', restoreGuard: guard(90) });
  const fresh = await answering({ name: 'ours', restoreGuard: guard(null) });
  const nodes = await askNodes([stranger, nameless, first, second, fresh, 'http://127.0.0.1:1'], 'ours');
  expect(nodes.map(({ answer, stranger: name }) => answer?.next ?? name)).toEqual([
    'other',
    null,
    70,
    90,
    0,
    undefined,
  ]);
  expect(furthestNode(nodes)).toEqual({ url: second, next: 90 });
});
