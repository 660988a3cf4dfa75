import { expect, test } from 'vitest';
import { Gathering } from '../../../src/sequencer/gathering.ts';

/** Looks once a turn at how many wait, and says after how many turns they leave. */
function turnsUntilLeaving(gathering: Gathering, waiting: readonly number[]): number {
  const turn = waiting.findIndex(count => !gathering.paysToWait(count));
  gathering.left();
  return turn;
}

test('a first request leaves at once', () => {
  expect(turnsUntilLeaving(new Gathering(), [1])).toBe(0);
});

test('a lone client that comes back leaves at once', () => {
  const gathering = new Gathering();
  gathering.answered(1);
  expect(turnsUntilLeaving(gathering, [1])).toBe(0);
});

test('those who were answered together leave together, though they come back over several turns', () => {
  const gathering = new Gathering();
  gathering.answered(64);
  expect(turnsUntilLeaving(gathering, [9, 30, 50, 64, 70])).toBe(3);
});

test('the few who were waiting when others were answered give those a turn to come back', () => {
  const gathering = new Gathering();
  gathering.answered(55);
  expect(gathering.paysToWait(9)).toBe(true);
  // Nobody came.
  expect(gathering.paysToWait(9)).toBe(false);
});

test('when nobody comes any more, a turn is all that is lost', () => {
  const gathering = new Gathering();
  gathering.answered(64);
  expect(turnsUntilLeaving(gathering, [64])).toBe(0);
  // Long afterwards, one by one.
  for (let i = 0; i < 3; i += 1) expect(turnsUntilLeaving(gathering, [1, 1])).toBe(1);
});

test('with nothing waiting there is nothing to wait for', () => {
  const gathering = new Gathering();
  gathering.answered(64);
  expect(gathering.paysToWait(0)).toBe(false);
});
