import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuild } from '../../scripts/lib/build.mjs';
import { httpGet } from '../../scripts/lib/http-get.mjs';
import { ManagedProcess, tailOf } from '../../scripts/lib/managed-process.mjs';
import { findFreePorts } from '../../scripts/lib/ports.mjs';
import { PLACES } from './nodes.ts';
import { until } from './until.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** How to start a node as a process of its own. */
export interface NodeProcessOptions {
  readonly endpoints: readonly string[];
  readonly cluster: string;
  readonly index: number;
  readonly port: number;
  readonly logDirectory: string;
  /** Settings without a flag, as `SEQD_…` variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A seqd node in a process of its own: `node dist/main.js serve`. `start`, `stop`, `kill`, `pause`, `resume` and
 * `restart` are those of `ManagedProcess`; its address stays the same over restarts.
 */
export class NodeProcess extends ManagedProcess {
  readonly id: string;
  readonly url: string;
  readonly logFile: string;
  /** Every end of the process so far. */
  readonly exits: { readonly code: number | null; readonly signal: NodeJS.Signals | null }[] = [];

  constructor(options: NodeProcessOptions) {
    const id = `node-${options.index + 1}`;
    const logFile = join(options.logDirectory, `${id}.log`);
    const [site, partition] = PLACES[options.index % PLACES.length]!;
    super({
      name: id,
      command: process.execPath,
      args: [
        MAIN,
        'serve',
        `--node-id=${id}`,
        `--site=${site}`,
        `--partition=${partition}`,
        `--port=${options.port}`,
        `--cluster=${options.cluster}`,
        `--etcd-endpoints=${options.endpoints.join(',')}`,
      ],
      env: { PATH: process.env['PATH'] ?? '', ...options.env },
      cwd: options.logDirectory,
      logFile,
    });
    this.id = id;
    this.url = `http://127.0.0.1:${options.port}`;
    this.logFile = logFile;
    this.onExit(exit => this.exits.push(exit));
  }

  /** Waits until the node takes requests. */
  async ready(): Promise<void> {
    await until(`${this.id} is ready; its log ends:\n${tailOf(this.logFile)}`, async () => {
      if (!this.alive) throw new Error(`${this.id} has ended:\n${tailOf(this.logFile)}`);
      return (await httpGet(`${this.url}/readyz`, 1_000))?.status === 200;
    });
  }
}

/** Nodes of one cluster, each in its own process. Close it in `afterEach`. */
export class NodeFleet {
  readonly nodes: readonly NodeProcess[];
  private readonly directory: string;

  private constructor(nodes: readonly NodeProcess[], directory: string) {
    this.nodes = nodes;
    this.directory = directory;
  }

  /** Builds the program if need be and starts `count` nodes, one after the other, so that the first one leads. */
  static async start(
    count: number,
    options: Pick<NodeProcessOptions, 'endpoints' | 'cluster' | 'env'>,
  ): Promise<NodeFleet> {
    await ensureBuild();
    const directory = mkdtempSync(join(tmpdir(), 'seqd-test-nodes-'));
    const ports = await findFreePorts(count);
    const nodes = ports.map(
      (port, index) => new NodeProcess({ ...options, index, port, logDirectory: directory }),
    );
    const fleet = new NodeFleet(nodes, directory);
    try {
      for (const node of nodes) {
        await node.start();
        await node.ready();
      }
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  get urls(): readonly string[] {
    return this.nodes.map(node => node.url);
  }

  /** The node that leads according to `asking`. */
  async leader(asking: NodeProcess = this.nodes[0]!): Promise<NodeProcess> {
    return until('somebody leads', async () => {
      const answer = await httpGet(`${asking.url}/health`, 2_000);
      const { leader } = JSON.parse(answer?.body ?? '{}')?.cluster ?? {};
      return this.nodes.find(node => node.id === leader);
    });
  }

  /** Ends every process, paused ones too, and returns when they are gone. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map(node => node.kill()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
