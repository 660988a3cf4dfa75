import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createRoute,
  createSteadyClock,
  isSameServer,
  streamOrigin,
  waitBefore,
} from '../../../dashboard/js/live-route.js';
import { nodeOf } from '../../kit/live-frames.ts';

const HOME = 'http://10.0.0.1:8080';
const nodes = [
  nodeOf('one', { url: HOME }),
  nodeOf('two', { url: 'http://10.0.0.2:8080' }),
  nodeOf('three', { url: 'http://10.0.0.3:8080' }),
];

describe('the wait before an attempt', () => {
  test('is below 100 ms at first, doubles, and is never over 5 s', () => {
    expect(waitBefore(1, 0.999)).toBeLessThan(100);
    expect(waitBefore(4, 1)).toBe(800);
    expect(waitBefore(1_000, 1)).toBe(5_000);
  });

  test('is anything down to nothing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const wait = waitBefore(failures, random);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(5_000);
        },
      ),
    );
    expect(waitBefore(9, 0)).toBe(0);
  });
});

describe('the clock of the stream', () => {
  test('goes on where the machine sets its own back, and forward with it', () => {
    let machine = 10_000;
    const now = createSteadyClock(() => machine);
    const told = [10_000, 10_250, 4_000, 4_250, 3_900, 9_000].map(at => {
      machine = at;
      return now();
    });
    expect(told).toEqual([10_000, 10_250, 10_250, 10_500, 10_500, 15_600]);
  });
});

describe('the address of a node', () => {
  test('is its origin', () => {
    expect(streamOrigin('http://10.0.0.2:8080/', HOME)).toBe('http://10.0.0.2:8080');
  });

  test('is none over http for a page over https', () => {
    expect(streamOrigin('http://10.0.0.2:8080', 'https://seqd.example')).toBeUndefined();
    expect(streamOrigin('https://two.example', 'https://seqd.example')).toBe('https://two.example');
  });

  test('is none when it is of the own machine and the page is from elsewhere', () => {
    expect(streamOrigin('http://127.0.0.1:8081', HOME)).toBeUndefined();
    expect(streamOrigin('http://127.0.0.1:8081', 'http://localhost:8080')).toBe('http://127.0.0.1:8081');
  });

  test('is none when it is no address, or none of the web', () => {
    expect(streamOrigin('', HOME)).toBeUndefined();
    expect(streamOrigin('ftp://10.0.0.2/', HOME)).toBeUndefined();
    expect(streamOrigin('unix:/run/seqd.sock', HOME)).toBeUndefined();
  });

  test('is the same server under any loopback name', () => {
    expect(isSameServer('http://127.0.0.1:8080', 'http://localhost:8080')).toBe(true);
    expect(isSameServer('http://127.0.0.1:8080', 'http://127.0.0.1:8081')).toBe(false);
  });
});

describe('the way to a stream', () => {
  test('begins at home and goes round all other nodes', () => {
    const route = createRoute(HOME);
    route.learn(nodes, 0);
    const seen = [1, 2, 3, 4].map(() => {
      const { origin, isHome } = route.current();
      route.fail();
      return [origin, isHome];
    });
    expect(seen).toEqual([
      [HOME, true],
      ['http://10.0.0.2:8080', false],
      ['http://10.0.0.3:8080', false],
      [HOME, true],
    ]);
  });

  test('stays at home while no other node is known', () => {
    const route = createRoute(HOME);
    route.fail();
    expect(route.current().isHome).toBe(true);
  });

  test('knows home by name where the node calls its address otherwise', () => {
    const route = createRoute('http://seqd.example');
    route.nameHome('one');
    route.learn(nodes, 0);
    route.fail();
    expect(route.current().node).toBe('two');
  });

  test('leads home when home has been serving for ten seconds, and later when that did not work', () => {
    const route = createRoute(HOME);
    route.learn(nodes, 0);
    route.fail();
    route.learn([nodeOf('one', { url: HOME, state: 'silent' }), ...nodes.slice(1)], 1_000);
    expect(route.shouldGoHome(100_000)).toBe(false);
    route.learn(nodes, 100_000);
    expect(route.shouldGoHome(109_999)).toBe(false);
    expect(route.shouldGoHome(110_000)).toBe(true);
    route.homeFailed();
    route.learn(nodes, 111_000);
    expect(route.shouldGoHome(130_999)).toBe(false);
    expect(route.shouldGoHome(131_000)).toBe(true);
    route.cameHome();
    expect(route.shouldGoHome(999_999)).toBe(false);
    expect(route.current().isHome).toBe(true);
  });

  test('counts the ten seconds anew when home was away in between', () => {
    const route = createRoute(HOME);
    route.learn(nodes, 0);
    route.fail();
    route.learn(nodes, 0);
    route.learn(nodes.slice(1), 5_000);
    route.learn(nodes, 6_000);
    expect(route.shouldGoHome(12_000)).toBe(false);
    expect(route.shouldGoHome(16_000)).toBe(true);
  });

  test('never leads home from home', () => {
    const route = createRoute(HOME);
    route.learn(nodes, 0);
    expect(route.shouldGoHome(1_000_000)).toBe(false);
  });
});
