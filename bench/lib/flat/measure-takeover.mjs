import { setTimeout as sleep } from 'node:timers/promises';
import { NEXT_PATH, OWNER } from '../servers/seqd-request.mjs';

const ATTEMPT_MS = 5_000;
const GIVE_UP_MS = 60_000;
/** Between attempts; what is measured is at most this much too long. */
const PAUSE_MS = 2;
/** A follower is as a follower is in the middle of the day, not just after a flood. */
const CALM_MS = 3_000;

/**
 * Kills the leader and draws from the other node until that gives a number; then starts the killed one again.
 *
 * @param {import('../servers/seqd-nodes.mjs').SeqdNodes} nodes two of them
 * @returns {Promise<{ gapMs: number, restartMs: number }>}
 * @throws when the other node does not take over
 */
export async function measureTakeover(nodes) {
  const leader = await nodes.leader();
  const other = nodes.nodes.find(node => node !== leader);
  if (other === undefined) throw new Error('there is nobody to take over');
  await sleep(CALM_MS);
  await draw(other.url);
  const from = performance.now();
  await leader.kill();
  for (;;) {
    if (await draw(other.url)) break;
    if (performance.now() - from > GIVE_UP_MS) throw new Error(`${other.id} does not take over`);
    await sleep(PAUSE_MS);
  }
  const gapMs = performance.now() - from;
  const restartedAt = performance.now();
  await leader.start();
  await leader.ready();
  return { gapMs, restartMs: performance.now() - restartedAt };
}

/** @param {string} url @returns {Promise<boolean>} whether a number was drawn */
async function draw(url) {
  try {
    const answer = await fetch(`${url}${NEXT_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(OWNER),
      signal: AbortSignal.timeout(ATTEMPT_MS),
    });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}
