import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { projectRoot } from '../../../scripts/lib/paths.mjs';
import { type PocRun, readRun } from '../../../scripts/poc/run-file.mjs';
import { HttpClient, nextBody } from '../../kit/http-client.ts';
import { until } from '../../kit/until.ts';

const run = promisify(execFile);

/** What a draw answers, as far as tests look at it. */
export interface Drawn {
  readonly sequenceNumber: number;
  readonly allocationId: string;
  readonly reused: boolean;
}

/** Draws over REST; `node` from 0. */
export async function draw(node = 0, fields: Record<string, unknown> = {}): Promise<Drawn> {
  const answer = await post(node, '/api/v1/sequence/next', nextBody(fields));
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body as Drawn;
}

/** Gives a number back over REST. */
export async function release(
  node: number,
  drawn: Drawn,
  fields: Record<string, unknown> = {},
): Promise<void> {
  const { sequenceNumber, allocationId } = drawn;
  const { siteId, partitionId } = nextBody();
  const body = { sequenceNumber, allocationId, siteId, partitionId, reason: 'test', ...fields };
  const answer = await post(node, '/api/v1/sequence/release', body);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
}

async function post(node: number, path: string, body: unknown): ReturnType<HttpClient['post']> {
  const client = new HttpClient();
  try {
    return await client.post(`${inject('nodeUrls')[node]}${path}`, body);
  } finally {
    client.close();
  }
}

/** What the command prints as JSON, asked at one node. */
export async function seqd(...args: readonly string[]): Promise<Record<string, unknown>> {
  const program = join(projectRoot, 'dist', 'main.js');
  const { stdout } = await run(process.execPath, [program, ...args, '--json'], { cwd: projectRoot });
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** What runs now, with process ids. */
export async function currentRun(): Promise<PocRun> {
  return until('the run file can be read', () => readRun(inject('runFile')));
}

/** Kills a node as a crash would, by the process id in the run file; the supervisor starts it again. */
export async function killNode(node: number): Promise<void> {
  const pid = (await currentRun()).nodes[node]?.pid ?? 0;
  if (pid === 0) throw new Error('the node does not run');
  process.kill(pid, 'SIGKILL');
}

/** Waits until every node takes requests. */
export async function untilAllServe(timeoutMs = 40_000): Promise<void> {
  const client = new HttpClient();
  try {
    await until(
      'every node serves',
      async () => {
        const answers = await Promise.all(
          inject('nodeUrls').map(url => client.get(`${url}/readyz`).catch(() => undefined)),
        );
        return answers.every(answer => answer?.status === 200);
      },
      { timeoutMs, intervalMs: 100 },
    );
  } finally {
    client.close();
  }
}
