import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import type { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import type { ManagedProcess } from '../../scripts/lib/managed-process.mjs';
import { findFreePorts } from '../../scripts/lib/ports.mjs';
import type { DemoCatalogue, DemoRun } from '../../src/demo/demo-run.ts';
import type { DisturbMessage, HostCluster } from '../../src/demo/host/messages.ts';
import { ownCluster, uniqueCluster } from './etcd.ts';
import { NodeFleet } from './node-process.ts';
import { until } from './until.ts';

const ENTRY = fileURLToPath(new URL('../../dist/demo/demo-host.js', import.meta.url));
const TOKEN = 'token-of-the-demonstrations';
/** As the supervisor of the one-click start does. */
const RESTART_AFTER_MS = 250;

/** An answer of the demonstrations' process. */
export interface HostAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** A problem, as it answers one. */
export interface HostProblem {
  readonly code: string;
  readonly detail: string;
  readonly details: { readonly errors?: readonly { readonly field: string }[] };
}

/** A real cluster, and the real process of the demonstrations; the test plays its supervisor. Close it. */
export class DemoWorld {
  /** What the supervisor was asked for, in order: `kill node-1`. */
  readonly disturbed: string[] = [];
  /** Why it refuses everything; `undefined` while it does not. */
  refusal: string | undefined;
  readonly etcd: EtcdCluster;
  readonly fleet: NodeFleet;
  readonly cluster: string;
  private readonly host: ChildProcess;
  private readonly url: string;
  private readonly timers = new Set<NodeJS.Timeout>();

  private constructor(parts: {
    etcd: EtcdCluster;
    fleet: NodeFleet;
    cluster: string;
    host: ChildProcess;
    url: string;
  }) {
    this.etcd = parts.etcd;
    this.fleet = parts.fleet;
    this.cluster = parts.cluster;
    this.host = parts.host;
    this.url = parts.url;
    this.host.on('message', message => void this.obey(message as DisturbMessage));
  }

  /** Four nodes and three members. @param options.told whether the host is told of them at once; default true */
  static async start({ told = true }: { told?: boolean } = {}): Promise<DemoWorld> {
    const etcd = await ownCluster();
    let world: DemoWorld | undefined;
    let fleet: NodeFleet | undefined;
    try {
      const cluster = uniqueCluster();
      fleet = await NodeFleet.start(4, { endpoints: etcd.endpoints, cluster });
      const [port] = await findFreePorts(1);
      const host = fork(ENTRY, {
        env: { SEQD_DEMO_HOST_PORT: String(port), SEQD_DEMO_TOKEN: TOKEN },
        execArgv: [],
      });
      const made = new DemoWorld({ etcd, fleet, cluster, host, url: `http://127.0.0.1:${port}` });
      world = made;
      await until('the host listens', () =>
        made.ask('GET', '/catalogue').then(
          () => true,
          () => false,
        ),
      );
      if (told) await made.tell();
      return made;
    } catch (error) {
      // Whoever asked for it has nothing to close.
      await (world?.close() ?? fleet?.close());
      await etcd.close();
      throw error;
    }
  }

  /** Tells the host what there is, as once everything serves. */
  async tell(change: Partial<HostCluster> = {}): Promise<void> {
    const cluster: HostCluster = {
      nodes: this.fleet.nodes.map(({ id, url }, i) => ({
        id,
        site: `site-${1 + Math.floor(i / 2)}`,
        partition: `partition-${i % 2 === 0 ? 'a' : 'b'}`,
        url,
      })),
      members: this.etcd.members.map(({ name, clientUrl }) => ({ name, clientUrl })),
      endpoints: this.etcd.endpoints,
      cluster: this.cluster,
      canPause: true,
      ...change,
    };
    this.host.send({ type: 'cluster', ...cluster });
    // Messages come in order, so what follows is answered by what it knows then.
    await until('the host knows the cluster', async () => {
      const { status, body } = await this.ask<DemoCatalogue>('GET', '/catalogue');
      return status === 200 && body.demos.length > 0;
    });
  }

  /** One request to the host. */
  async ask<T>(method: string, path: string, body?: object, token = TOKEN): Promise<HostAnswer<T>> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as T };
  }

  /** Starts a run. @throws when it is refused */
  async begin(name: string, parameters: object = {}): Promise<DemoRun> {
    const { status, body } = await this.ask<DemoRun>('POST', `/runs/${name}`, parameters);
    if (status !== 202) throw new Error(`${name} was refused: ${JSON.stringify(body)}`);
    return body;
  }

  /** Waits for the end of a run. */
  end(id: string): Promise<DemoRun> {
    return until(
      'the run ends',
      async () => {
        const { body } = await this.ask<DemoRun>('GET', `/runs/${id}`);
        return body.state === 'running' ? undefined : body;
      },
      { timeoutMs: 90_000, intervalMs: 100 },
    );
  }

  /** Waits until a step of the run, by a part of its title, has begun; it may have ended as well, some take 70 ms. */
  step(id: string, title: string): Promise<DemoRun> {
    return until(`${title} has begun`, async () => {
      const { body } = await this.ask<DemoRun>('GET', `/runs/${id}`);
      return body.steps.some(step => step.title.includes(title) && step.state !== 'pending')
        ? body
        : undefined;
    });
  }

  /** All pushes from now on. */
  async watch(): Promise<{ readonly states: (DemoRun | null)[]; readonly close: () => void }> {
    const states: (DemoRun | null)[] = [];
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/runs`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    socket.on('message', data =>
      states.push(JSON.parse((data as Buffer).toString('utf8')) as DemoRun | null),
    );
    await once(socket, 'open');
    return { states, close: () => socket.terminate() };
  }

  /** What is not running as it should. */
  async broken(): Promise<string[]> {
    const down = [...this.fleet.nodes, ...this.etcd.members].filter(child => !child.alive || child.paused);
    const deaf = await Promise.all(
      this.etcd.members.map(async member => ((await member.healthy()) ? [] : [member.name])),
    );
    return [...down.map(({ spec }) => spec.name), ...deaf.flat()];
  }

  /** Takes away the host's channel. @returns its exit code */
  async hangUp(): Promise<number | null> {
    const ended = once(this.host, 'exit') as Promise<[number | null]>;
    this.host.disconnect();
    return (await ended)[0];
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    if (this.host.exitCode === null && this.host.signalCode === null) {
      this.host.kill('SIGKILL');
      await once(this.host, 'exit');
    }
    await this.fleet.close();
    await this.etcd.close();
  }

  private async obey({ id, action, target }: DisturbMessage): Promise<void> {
    const answer = (result: object): unknown =>
      this.host.connected && this.host.send({ type: 'disturbed', id, ...result });
    if (this.refusal !== undefined) return void answer({ ok: false, why: this.refusal });
    this.disturbed.push(`${action} ${target.name}`);
    const children: readonly ManagedProcess[] = target.kind === 'node' ? this.fleet.nodes : this.etcd.members;
    const child = children.find(({ spec }) => spec.name === target.name);
    if (child === undefined) return void answer({ ok: false, why: 'there is no such child' });
    try {
      if (action === 'kill') {
        await child.kill();
        const timer = setTimeout(() => void child.start(), RESTART_AFTER_MS);
        this.timers.add(timer);
      } else if (action === 'pause') child.pause();
      else if (action === 'resume') child.resume();
      else if (action === 'stop') await child.stop({ graceMs: 1_000 });
      else await child.start();
      answer({ ok: true });
    } catch (error) {
      answer({ ok: false, why: String(error) });
    }
  }
}

/** The value of a run's figure. */
export function figureOf({ figures }: DemoRun, label: string): number | string | undefined {
  return figures.find(figure => figure.label === label)?.value;
}

/** Lines of all steps, to show when something is not as expected. */
export function tellRun({ state, problem, steps }: DemoRun): string {
  const lines = steps.flatMap(step => [
    `[${step.state}] ${step.title}`,
    ...step.detail.map(line => `    ${line}`),
  ]);
  return [`${state}: ${problem ?? 'no problem'}`, ...lines].join('\n');
}
