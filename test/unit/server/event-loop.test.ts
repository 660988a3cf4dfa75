import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EventLoopDelay } from '../../../src/server/event-loop.ts';

function block(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test('each reader is told the longest delay since it asked last', async () => {
  const delay = new EventLoopDelay();
  const [first, second] = [delay.reader(), delay.reader()];
  delay.start();
  try {
    await sleep(50);
    block(200);
    await sleep(50);
    expect(first()).toBeGreaterThan(150);
    // A machine that is busy may hold it up a little as well.
    expect(first()).toBeLessThan(150);
    expect(second()).toBeGreaterThan(150);
    expect(second()).toBeLessThan(150);
  } finally {
    delay.close();
  }
});

test('before it is started it knows of no delay', () => {
  expect(new EventLoopDelay().reader()()).toBe(0);
});
