import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { onTestFinished } from 'vitest';
import { fetchDebianPackages, unpackDebianPackage } from '../../scripts/lib/debian-packages.mjs';
import { ManagedProcess, tailOf } from '../../scripts/lib/managed-process.mjs';
import { cacheDir } from '../../scripts/lib/paths.mjs';
import { findFreePorts, LOOPBACK } from '../../scripts/lib/ports.mjs';
import { until } from './until.ts';

/** RabbitMQ, and the Erlang it runs on. */
export interface RabbitmqFiles {
  /** `…/lib/erlang` */
  readonly erlang: string;
  /** The folder with `erlexec` and `epmd`. */
  readonly bin: string;
  /** The broker's modules. */
  readonly plugins: string;
}

const PACKAGES = [
  'rabbitmq-server',
  ...[
    'base',
    'asn1',
    'crypto',
    'eldap',
    'inets',
    'mnesia',
    'os-mon',
    'parsetools',
    'public-key',
    'runtime-tools',
    'ssl',
    'syntax-tools',
    'tools',
    'xmerl',
  ].map(name => `erlang-${name}`),
];

const PLACE = join(cacheDir, 'rabbitmq');

/**
 * Finds a RabbitMQ that is installed, or unpacked by an earlier run, or unpacks Debian's packages. Nothing is installed.
 *
 * @returns undefined, having said why, when there is none
 */
export async function findRabbitmq(): Promise<RabbitmqFiles | undefined> {
  const found = (await filesBelow('/')) ?? (await filesBelow(PLACE));
  if (found !== undefined) return found;
  const scratch = await mkdtemp(join(tmpdir(), 'seqd-rabbitmq-deb-'));
  try {
    const debs = await fetchDebianPackages(PACKAGES, scratch, line => console.log(`[rabbitmq] ${line}`));
    await mkdir(PLACE, { recursive: true });
    const draft = await mkdtemp(join(PLACE, '.unpack-'));
    for (const deb of debs) await unpackDebianPackage(scratch, deb, draft);
    // Of several at once one wins.
    await rename(join(draft, 'usr'), join(PLACE, 'usr')).catch(() => {});
    await rm(draft, { recursive: true, force: true });
    return await filesBelow(PLACE);
  } catch (error) {
    console.warn(`[rabbitmq] NO BROKER, ITS TESTS ARE SKIPPED: ${(error as Error).message}`);
    return undefined;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function filesBelow(root: string): Promise<RabbitmqFiles | undefined> {
  const erlang = join(root, 'usr/lib/erlang');
  const lib = join(root, 'usr/lib/rabbitmq/lib');
  const [erts, server] = await Promise.all([
    readdir(erlang).then(names => names.find(name => name.startsWith('erts-'))),
    readdir(lib).then(names => names.find(name => name.startsWith('rabbitmq_server-'))),
  ]).catch(() => []);
  if (erts === undefined || server === undefined) return undefined;
  return { erlang, bin: join(erlang, erts, 'bin'), plugins: join(lib, server, 'plugins') };
}

/**
 * A broker for one test: own data, own ports on loopback, own name server (epmd), all of them gone after the test. It runs as we do,
 * started without the package's scripts, so that a signal reaches the broker itself.
 */
export async function ownRabbitmq(files: RabbitmqFiles): Promise<RabbitmqBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'seqd-own-rabbitmq-'));
  const [port = 0, distPort = 0, epmdPort = 0] = await findFreePorts(3);
  await writeFile(join(directory, 'rabbitmq.conf'), `listeners.tcp.default = ${LOOPBACK}:${port}\n`);
  const env = {
    ...environmentOf(files),
    HOME: directory,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: LOOPBACK,
    RABBITMQ_NODENAME: `seqd-${randomBytes(4).toString('hex')}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'advanced'),
    RABBITMQ_CONF_ENV_FILE: join(directory, 'no-such-file'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(directory, 'config'),
    RABBITMQ_PLUGINS_DIR: files.plugins,
    RABBITMQ_PID_FILE: join(directory, 'pid'),
  };
  const logFile = join(directory, 'rabbitmq.log');
  const epmd = new ManagedProcess({
    name: 'epmd',
    command: join(files.bin, 'epmd'),
    args: ['-address', LOOPBACK, '-port', String(epmdPort)],
    env,
    logFile,
  });
  const broker = new RabbitmqBroker(files, { directory, env, logFile, port });
  onTestFinished(async () => {
    await broker.kill();
    await epmd.kill();
    await rm(directory, { recursive: true, force: true });
  });
  await epmd.start();
  await broker.start();
  await broker.ready();
  return broker;
}

/** What Erlang's own start script sets; the packages' one knows only the place they are installed in. */
function environmentOf({ erlang, bin, plugins }: RabbitmqFiles): NodeJS.ProcessEnv {
  return {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    LANG: 'C.UTF-8',
    ROOTDIR: erlang,
    BINDIR: bin,
    EMU: 'beam',
    PROGNAME: 'erl',
    ERL_LIBS: plugins,
    ERL_MAX_ETS_TABLES: '50000',
  };
}

/** One RabbitMQ: a process, its address and its data, which survives restarts. */
export class RabbitmqBroker extends ManagedProcess {
  readonly url: string;

  constructor(
    files: RabbitmqFiles,
    place: { directory: string; env: NodeJS.ProcessEnv; logFile: string; port: number },
  ) {
    const { directory, env, logFile, port } = place;
    super({
      name: 'rabbitmq',
      command: join(files.bin, 'erlexec'),
      args: [
        '-noinput',
        ...'-s rabbit boot +W w +sbwt none +sbwtdcpu none +sbwtdio none'.split(' '),
        ...'-syslog logger [] -syslog syslog_error_logger false'.split(' '),
        ...'-kernel prevent_overlapping_partitions false'.split(' '),
        '-boot',
        join(files.erlang, 'bin', 'start_sasl'),
      ],
      env,
      cwd: directory,
      logFile,
    });
    this.url = `amqp://guest:guest@${LOOPBACK}:${port}/`;
  }

  /** Waits until it takes connections. @throws with the end of its log */
  async ready(): Promise<void> {
    const look = async (): Promise<boolean> => {
      const connection = await connect(this.url).catch(() => undefined);
      await connection?.close();
      return connection !== undefined;
    };
    try {
      await until('RabbitMQ serves', look, { timeoutMs: 60_000, intervalMs: 250 });
    } catch (error) {
      throw new Error(`its log ends:\n${tailOf(this.spec.logFile)}`, { cause: error });
    }
  }
}
