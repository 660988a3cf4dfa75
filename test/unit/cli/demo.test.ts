import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { DemoCatalogue, DemoRun, DemoStep } from '../../../src/demo/demo-run.ts';
import { answer, deadUrl, type FakeNode, fakeNode, refuse, type SeenRequest } from '../client/fake-node.ts';
import { run } from './run.ts';

const LOAD_TEST = {
  name: 'load-test',
  title: 'Load',
  plan: 'Draws numbers with many clients at once, then verifies.',
  disturbs: '',
  seconds: 10,
  parameters: [
    { name: 'totalRequests', title: 'Requests in all', default: 5_000, minimum: 1, maximum: 100_000 },
    { name: 'concurrentThreads', title: 'Clients at once', default: 32, minimum: 1, maximum: 256 },
  ],
  unavailable: null,
};
const CATALOGUE: DemoCatalogue = {
  demos: [
    LOAD_TEST,
    {
      ...LOAD_TEST,
      name: 'failover',
      title: 'Kill the leader',
      disturbs: 'The leading node is killed.',
      parameters: [],
    },
    { ...LOAD_TEST, name: 'partition', title: 'Freeze', parameters: [], unavailable: 'no SIGSTOP' },
  ],
  current: null,
  last: [],
};

const step = (facts: Partial<DemoStep>): DemoStep => ({
  title: 'Draw numbers',
  state: 'running',
  startedAt: 1_000,
  endedAt: null,
  detail: [],
  breaks: [],
  ...facts,
});

function runOf(facts: Partial<DemoRun> = {}): DemoRun {
  return {
    id: 'r1',
    name: 'load-test',
    title: 'Load',
    plan: LOAD_TEST.plan,
    state: 'running',
    parameters: {},
    startedAt: Date.now(),
    endedAt: null,
    steps: [step({})],
    figures: [],
    histogram: null,
    timeline: null,
    verification: null,
    problem: null,
    ...facts,
  };
}

const PASSED = runOf({
  state: 'passed',
  startedAt: 1_000,
  endedAt: 3_500,
  steps: [
    step({ state: 'done', endedAt: 2_200, detail: ['5000 of 5000 drawn', 'the rest is silence'] }),
    step({ title: 'Not needed', state: 'skipped', startedAt: null }),
  ],
  figures: [
    { label: 'rate', value: 4_711, unit: '/s' },
    { label: 'p99', value: 12.5, unit: 'ms' },
  ],
  histogram: [
    { upToMs: 1, count: 900 },
    { upToMs: 2, count: 100 },
    { upToMs: null, count: 0 },
  ],
  timeline: { stepMs: 100, unit: '/s', series: [{ name: 'numbers', values: [0, 50, 100] }] },
  verification: {
    complete: true,
    first: 1,
    last: 5_000,
    issued: 4_990,
    pooled: 10,
    void: 0,
    reserved: 0,
    imported: 0,
    holes: 0,
    chain: 'a'.repeat(64),
    revision: 77,
    problems: [],
    ms: 12.3,
  },
});

interface Script {
  readonly onStart?: (response: ServerResponse, body: string) => void;
  readonly onFollow?: (response: ServerResponse, index: number) => void;
  readonly onCancel?: (response: ServerResponse) => void;
}

/** A node with demonstrations whose runs go as the test says. */
function demoNode({ onStart, onFollow, onCancel }: Script = {}): Promise<FakeNode> {
  let follows = 0;
  return fakeNode((response, _index, { method, path, body }: SeenRequest) => {
    if (path === '/health') response.writeHead(503).end('{}');
    else if (path === '/api/v1/demo') answer(response, CATALOGUE);
    else if (method === 'POST') {
      if (onStart === undefined) response.writeHead(202).end(JSON.stringify(runOf()));
      else onStart(response, body);
    } else if (method === 'DELETE') {
      onCancel?.(response);
      if (!response.writableEnded) answer(response, runOf());
    } else if (onFollow === undefined) lines(response, PASSED);
    else onFollow(response, (follows += 1) - 1);
  });
}

function lines(response: ServerResponse, ...runs: readonly DemoRun[]): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.end(runs.map(run => `${JSON.stringify(run)}\n`).join(''));
}

const seenBy = ({ seen }: FakeNode): string[] => seen.map(({ method, path }) => `${method} ${path}`);

describe('seqd demo', () => {
  it('lists the demonstrations and their options', async () => {
    const { url } = await demoNode();
    const { exitCode, stdout } = await run(['demo', '--url', url]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^load-test +10 s +Load$/m);
    expect(stdout).toMatch(/^partition .*not here: no SIGSTOP/m);
    expect(stdout).toMatch(/^load-test +--total-requests +5,000 +1 to 100,000 +Requests in all$/m);
    const { stdout: json } = await run(['demo', '--json', '--url', url]);
    expect(JSON.parse(json)).toEqual(CATALOGUE);
  });

  it('3: where there are none it says how they come to be', async () => {
    const { url } = await fakeNode(response => refuse(response, 'route_not_found'));
    for (const args of [['demo'], ['demo', 'load-test']]) {
      const { exitCode, stderr } = await run([...args, '--url', url]);
      expect(exitCode).toBe(3);
      expect(stderr).toContain('only on a cluster that ./START-POC.sh has started on this machine');
    }
  });

  it('4: nobody answers', async () => {
    const { exitCode, stderr } = await run(['demo', '--timeout', '0.05', '--url', await deadUrl()]);
    expect(exitCode).toBe(4);
    expect(stderr).toContain('./START-POC.sh');
  });
});

describe('seqd demo NAME', () => {
  it('0: says what it is going to do, what happens, what it measured, and the proof', async () => {
    const bodies: string[] = [];
    const node = await demoNode({
      onStart: (response, body) => {
        bodies.push(body);
        response
          .writeHead(202)
          .end(
            JSON.stringify(
              runOf({ steps: [step({ detail: ['0 of 5000 drawn'] }), step({ state: 'pending' })] }),
            ),
          );
      },
    });
    const args = ['demo', 'load-test', '--total-requests', '5000', '--concurrent-threads=32'];
    const { exitCode, stdout, stderr } = await run([...args, '--url', node.url]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(JSON.parse(bodies[0]!)).toEqual({ totalRequests: 5_000, concurrentThreads: 32 });
    expect(stdout).toBe(
      [
        'Load',
        '  Draws numbers with many clients at once, then verifies.',
        '  About 10 s; Ctrl-C ends it early.',
        '',
        '  1/2  Draw numbers',
        '       0 of 5000 drawn',
        '       5000 of 5000 drawn',
        '       the rest is silence',
        '       ok (1.2 s)',
        '  2/2  Not needed: skipped',
        '',
        '  rate  4,711/s',
        '  p99   12.5 ms',
        '',
        `        up to 1 ms  900   90.0 %  ${'█'.repeat(40)}`,
        `        up to 2 ms  100   10.0 %  ${'█'.repeat(4)}`,
        '  longer than 2 ms    0    0.0 %',
        '',
        '  numbers  ·▅█  up to 100/s, 0.3 s',
        '',
        '  Verified 1 to 5,000: 4,990 issued, 10 in the pool; holes: 0',
        `  chain ${'a'.repeat(16)}, revision 77, in 12 ms`,
        '',
        'load-test: passed after 2.5 s',
        '',
      ].join('\n'),
    );
  });

  it('says before it what it is going to break', async () => {
    const { url } = await demoNode();
    const { stdout } = await run(['demo', 'failover', '--url', url]);
    expect(stdout).toMatch(/^ {2}It breaks for a while: The leading node is killed\. .*put right/m);
  });

  it.each(['failed', 'cancelled'] as const)('1: it %s', async state => {
    const problem = 'the leader did not change';
    const { url } = await demoNode({ onFollow: response => lines(response, { ...PASSED, state, problem }) });
    const { exitCode, stdout } = await run(['demo', 'load-test', '--url', url]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(new RegExp(`load-test: ${state} after 2.5 s: the leader did not change\n$`));
  });

  it('--json prints the run and nothing else', async () => {
    const { url } = await demoNode();
    const { exitCode, stdout } = await run(['demo', 'load-test', '--json', '--url', url]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(PASSED);
  });

  it.each([
    { args: ['lod-test'], why: 'did you mean load-test?' },
    { args: ['everything'], why: 'there are load-test, failover, partition' },
    { args: ['partition'], why: 'cannot be run here: no SIGSTOP' },
    { args: ['load-test', '--total-request', '5'], why: 'did you mean --total-requests?' },
    { args: ['load-test', '--total-requests', '0'], why: 'from 1 to 100000, not "0"' },
    { args: ['load-test', '--total-requests'], why: 'from 1 to 100000, not nothing' },
    { args: ['load-test', '--total-requests', '1e3'], why: 'from 1 to 100000, not "1e3"' },
    { args: ['load-test', '--total-requests', '1', '--totalRequests', '2'], why: 'given twice' },
    { args: ['failover', '--threads', '5'], why: 'it has none' },
    { args: ['load-test', 'again'], why: '"again" is no option' },
    { args: ['--total-requests', '5', 'load-test'], why: 'the name of the demonstration comes before' },
  ])('2: $args is refused, and nothing is started', async ({ args, why }) => {
    const node = await demoNode();
    const { exitCode, stderr } = await run(['demo', ...args, '--url', node.url]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(why);
    expect(seenBy(node).filter(line => line.startsWith('POST'))).toEqual([]);
  });

  it('4: another one is running: it is named before any plan is told, and nothing is started', async () => {
    const current = runOf({ name: 'failover', id: 'r7' });
    const node = await fakeNode((response, _index, { path }) => {
      if (path === '/health') response.writeHead(503).end('{}');
      else answer(response, { ...CATALOGUE, current });
    });
    const { exitCode, stdout, stderr } = await run(['demo', 'load-test', '--url', node.url]);
    expect([exitCode, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/"failover" is running.*DELETE \/api\/v1\/demo\/runs\/r7/);
    expect(seenBy(node).filter(line => line.startsWith('POST'))).toEqual([]);
  });

  it('4: another one has begun in between', async () => {
    const node = await demoNode({ onStart: response => refuse(response, 'demo_running') });
    const { exitCode, stderr } = await run(['demo', 'load-test', '--url', node.url]);
    expect(exitCode).toBe(4);
    expect(stderr).toContain('Another demonstration is running');
    expect(seenBy(node).filter(line => line.startsWith('POST'))).toHaveLength(1);
  });

  it('follows the run on another node when the one that told of it dies', async () => {
    const dying = await demoNode({ onFollow: response => response.destroy() });
    const other = await demoNode();
    const { exitCode, stdout } = await run(['demo', 'load-test', '--url', `${dying.url},${other.url}`]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('load-test: passed');
    expect(seenBy(other)).toContain('GET /api/v1/demo/runs/r1');
    expect([...seenBy(dying), ...seenBy(other)].filter(line => line.startsWith('POST'))).toHaveLength(1);
  });

  it('goes on elsewhere when a node ends its lines before the run has ended', async () => {
    const node = await demoNode({
      onFollow: (response, index) => lines(response, index === 0 ? runOf() : PASSED),
    });
    expect((await run(['demo', 'load-test', '--url', node.url])).exitCode).toBe(0);
  });

  it('finds the run that an attempt has started whose answer was lost, also when it comes through late', async () => {
    let posts = 0;
    const current = runOf();
    const node = await fakeNode((response, _index, { method, path }) => {
      if (path === '/health') response.writeHead(503).end('{}');
      else if (path === '/api/v1/demo')
        answer(response, { ...CATALOGUE, current: posts > 1 ? current : null });
      else if (method === 'POST') {
        posts += 1;
        if (posts === 1) response.destroy();
        else refuse(response, 'demo_running');
      } else lines(response, PASSED);
    });
    const { exitCode } = await run(['demo', 'load-test', '--url', node.url]);
    expect([exitCode, posts]).toEqual([0, 2]);
  });

  it('1: the run is lost with its process', async () => {
    const node = await demoNode({ onFollow: response => refuse(response, 'route_not_found') });
    const { exitCode, stderr } = await run(['demo', 'load-test', '--url', node.url]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('the run is lost');
  });

  it('130: Ctrl-C cancels the run on the server, and waits until it has put right what it broke', async () => {
    let interrupt = (): void => {};
    let follower: ServerResponse | undefined;
    const node = await demoNode({
      onFollow: response => {
        follower = response;
        response.writeHead(200).write(`${JSON.stringify(runOf())}\n`);
        interrupt();
      },
      onCancel: () => follower!.end(`${JSON.stringify({ ...PASSED, state: 'cancelled' })}\n`),
    });
    const onInterrupt = (handle: () => void): (() => void) => {
      interrupt = handle;
      return () => {};
    };
    const { exitCode, stdout, stderr } = await run(['demo', 'load-test', '--url', node.url], { onInterrupt });
    expect(exitCode).toBe(130);
    expect(stderr).toContain('cancelling; the series is verified all the same');
    expect(stdout).toContain('load-test: cancelled');
    expect(seenBy(node)).toContain('DELETE /api/v1/demo/runs/r1');
  });
});
