import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { withDeadline } from '../../../src/server/http/deadline.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

describe('work with a deadline', () => {
  test('is told when it has passed, though garbage was collected meanwhile', async () => {
    const work = withDeadline(new AbortController().signal, 50, untilAborted);
    collectGarbage();
    await expect(work).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('is told when nobody waits for it any more', async () => {
    const gone = new AbortController();
    const work = withDeadline(gone.signal, 60_000, untilAborted);
    gone.abort(new Error('gone'));
    await expect(work).rejects.toThrow('gone');
  });

  test('gives what it gives, and is never told after its end', async () => {
    let told: AbortSignal | undefined;
    const given = withDeadline(new AbortController().signal, 20, async signal => {
      told = signal;
      return 7;
    });
    expect(await given).toBe(7);
    await new Promise(resolve => setTimeout(resolve, 40));
    expect(told).toMatchObject({ aborted: false });
  });
});
