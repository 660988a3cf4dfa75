#!/usr/bin/env node
import { ignoreBrokenPipe } from './cli/output.ts';
import { runCli } from './cli/program.ts';
import { type Config, nodeIdOf } from './config/index.ts';

/** What a node that has closed still holds, such as connections to a database that hangs, keeps the process so long at most. */
const EXIT_GRACE_MS = 1_000;

/**
 * Runs a node until it is told to stop; resolves with the exit code. A second signal ends the process at once:
 * what was accepted by then is safe, since clients repeat it with the same key elsewhere.
 */
async function serve(config: Config): Promise<number> {
  // Loaded here only, so that the other commands start fast.
  const [{ pino }, { SeqdNode }] = await Promise.all([import('pino'), import('./node.ts')]);
  const logger = pino({ level: config.logging.level, base: { node: nodeIdOf(config) } });
  const stopped = new Promise<NodeJS.Signals>(resolve => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  let node: InstanceType<typeof SeqdNode> | undefined;
  try {
    node = new SeqdNode(config, logger);
    const started = node.start();
    // A node that waits for etcd must still stop when told to.
    await Promise.race([started, stopped]);
    logger.info({ signal: await stopped }, 'stopping');
    process.once('SIGINT', () => process.exit(1)).once('SIGTERM', () => process.exit(1));
    started.catch(() => {});
    await node.drain({ deadlineMs: config.sequence.engine.drainTimeoutMs });
    return 0;
  } catch (error) {
    logger.fatal({ err: error }, 'seqd could not start');
    return 1;
  } finally {
    await node?.close();
    // Nothing that matters is under way any more; without anything under way the process ends by itself.
    setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
  }
}

ignoreBrokenPipe(process.stdout);
ignoreBrokenPipe(process.stderr);
process.exitCode = await runCli(process.argv, {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  serve,
});
