import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuild } from '../../scripts/lib/build.mjs';
import { httpGet } from '../../scripts/lib/http-get.mjs';
import { findFreePorts } from '../../scripts/lib/ports.mjs';
import { type SeqdClusterOptions, SeqdProcess } from '../../scripts/lib/seqd-process.mjs';
import { until } from './until.ts';

/** A node in a process of its own that remembers how it ended. */
export class NodeProcess extends SeqdProcess {
  /** Every end of the process so far. */
  readonly exits: { readonly code: number | null; readonly signal: NodeJS.Signals | null }[] = [];

  constructor(options: SeqdClusterOptions & { readonly index: number; readonly port: number }) {
    super(options);
    this.onExit(exit => this.exits.push(exit));
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

  /** Builds the program if need be and starts `count` nodes, the first one before the others, so that it leads. */
  static async start(count: number, options: Omit<SeqdClusterOptions, 'directory'>): Promise<NodeFleet> {
    await ensureBuild();
    const directory = mkdtempSync(join(tmpdir(), 'seqd-test-nodes-'));
    const ports = await findFreePorts(count);
    const nodes = ports.map((port, index) => new NodeProcess({ ...options, index, port, directory }));
    const fleet = new NodeFleet(nodes, directory);
    try {
      await nodes[0]!.start();
      await nodes[0]!.ready();
      await Promise.all(nodes.map(node => node.start()));
      await Promise.all(nodes.map(node => node.ready()));
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
