import { expect, test } from 'vitest';
import { ADMIN_PENDING_MAX, AdminService } from '../../../src/sequencer/admin-service.ts';

test('only so many changes wait at a node, so that what it forwards keeps its size', async () => {
  const waiting: (() => void)[] = [];
  const record = { fact: {} };
  const admin = new AdminService({
    submit: () => new Promise(resolve => waiting.push(() => resolve({ record, replayed: false } as never))),
  });
  const raise = (): Promise<unknown> => admin.raise({ next: 2, reason: 'r', actor: 'a' }, {});
  const taken = Array.from({ length: ADMIN_PENDING_MAX }, raise);
  await expect(raise()).rejects.toMatchObject({ code: 'overloaded' });
  expect(waiting).toHaveLength(ADMIN_PENDING_MAX);
  waiting.shift()!();
  await taken[0];
  taken.push(raise());
  for (const answer of waiting) answer();
  await expect(Promise.all(taken)).resolves.toHaveLength(ADMIN_PENDING_MAX + 1);
});
