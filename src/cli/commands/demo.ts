import type { Command } from 'commander';
import { SeqdClient, SeqdClientError } from '../../client/index.ts';
import { DemoClient } from '../../client/demo-client.ts';
import type { DemoCatalogue, DemoDescription, DemoRun } from '../../demo/demo-run.ts';
import { CliError, RequestError, usageError } from '../cli-error.ts';
import { addClientOptions, type ClientOptions } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { chooseDemo, parseDemoOptions } from '../demo-options.ts';
import { DemoProgress } from '../demo-progress.ts';
import { describeCatalogue, describeOutcome, describePlan } from '../describe-demo.ts';
import { EXIT } from '../exit-codes.ts';
import { findUrls } from '../find-urls.ts';
import { lookOf } from '../look.ts';
import type { NodeUrls } from '../node-urls.ts';
import { printJson, printLines } from '../output.ts';

/** What a node that is well takes to say who else there is. */
const NODES_TIMEOUT_MS = 2_000;

const HELP = `
Without a name: lists the demonstrations and their options. Examples:
  seqd demo failover
  seqd demo load-test --total-requests 5000 --concurrent-threads 32
They exist only on a cluster that ./START-POC.sh has started on this machine, and break nothing but its own processes.
`;

/** `seqd demo`: lists demonstrations; with a name, runs one and tells what happens. */
export function registerDemo(program: Command, context: CliContext): void {
  const command = program
    .command('demo')
    .description(
      'show what seqd does under load and when nodes or etcd members die; ends with 1 when it fails',
    )
    .argument('[name]', 'which; without it they are listed')
    .argument('[options...]', 'its own options, such as --threads 8')
    // Which there are, the running cluster knows.
    .allowUnknownOption()
    .addHelpText('after', HELP);
  addClientOptions(command, 15).action(
    async (name: string | undefined, given: readonly string[], options: ClientOptions) => {
      if (name?.startsWith('-') === true)
        throw usageError(`the name of the demonstration comes before ${name}`);
      const nodes = findUrls(options.url, context);
      const client = new DemoClient({ urls: await allUrls(nodes), patienceMs: options.timeout * 1_000 });
      try {
        const catalogue = await readCatalogue(client, nodes);
        if (name === undefined) list(catalogue, options, context);
        else await runDemo(client, catalogue, { name, given, options, context });
      } catch (error) {
        throw error instanceof SeqdClientError ? new RequestError(error, nodes) : error;
      } finally {
        client.close();
      }
    },
  );
}

function list(catalogue: DemoCatalogue, options: ClientOptions, { stdout }: CliContext): void {
  if (options.json === true) printJson(stdout, catalogue);
  else printLines(stdout, describeCatalogue(catalogue));
}

async function runDemo(
  client: DemoClient,
  catalogue: DemoCatalogue,
  {
    name,
    given,
    options,
    context,
  }: { name: string; given: readonly string[]; options: ClientOptions; context: CliContext },
): Promise<void> {
  const demo = chooseDemo(name, catalogue);
  const parameters = parseDemoOptions(given, demo);
  if (catalogue.current !== null) throw runsAlready(catalogue.current);
  const people = options.json === true ? undefined : context.stdout;
  const look = lookOf(context.stdout, context.env);
  if (people !== undefined) printLines(people, describePlan(demo, look));
  const progress = people === undefined ? undefined : new DemoProgress(people, look);
  let run: DemoRun | undefined;
  const interruption = interruptible(demo, context, () => {
    progress?.clear();
    return run === undefined ? undefined : client.cancel(run.id);
  });
  try {
    run = await client.start(name, parameters);
    interruption.started();
    for await (run of client.follow(run)) progress?.show(run);
  } catch (error) {
    throw isNotFound(error) ? lost(error) : error;
  } finally {
    interruption.end();
    progress?.clear();
  }
  if (people === undefined) printJson(context.stdout, run);
  else printLines(people, describeOutcome(run, look));
  if (interruption.happened) context.exitWith(EXIT.interrupted);
  else if (run.state !== 'passed') context.exitWith(EXIT.failed);
}

/**
 * Cancels the run at Ctrl-C, on the server, and goes on until it has put right what it broke.
 *
 * @param cancelRun does so, or nothing while it is not known which run that is
 */
function interruptible(
  { disturbs }: DemoDescription,
  context: CliContext,
  cancelRun: () => Promise<DemoRun> | undefined,
): { readonly happened: boolean; started(): void; end(): void } {
  let happened = false;
  const cancel = (): void => {
    cancelRun()?.catch((error: unknown) => {
      context.stderr.write(`seqd: could not cancel the demonstration: ${(error as Error).message}\n`);
    });
  };
  const stop = context.onInterrupt(() => {
    happened = true;
    cancel();
    context.stderr.write(
      disturbs === ''
        ? 'seqd: cancelling; the series is verified all the same (Ctrl-C again leaves at once)\n'
        : 'seqd: cancelling; what was broken is being put right (Ctrl-C again leaves at once)\n',
    );
  });
  return {
    get happened() {
      return happened;
    },
    // Interrupted while it was being started.
    started: () => {
      if (happened) cancel();
    },
    end: stop,
  };
}

/** The nodes that were named, and those that they know of: one of them may be killed. */
async function allUrls({ urls }: NodeUrls): Promise<string[]> {
  const client = new SeqdClient({ urls, attemptTimeoutMs: NODES_TIMEOUT_MS });
  try {
    const { cluster } = await client.health();
    return [...new Set([...urls, ...cluster.nodes.map(node => node.url)])];
  } catch {
    return [...urls];
  } finally {
    client.close();
  }
}

/** @throws CliError where there are no demonstrations */
async function readCatalogue(client: DemoClient, nodes: NodeUrls): Promise<DemoCatalogue> {
  try {
    return await client.catalogue();
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new CliError(
      `there are no demonstrations at ${nodes.urls.join(', ')} (from ${nodes.source}): they exist only on a cluster that ./START-POC.sh has started on this machine, without --no-demos`,
      EXIT.refused,
    );
  }
}

const isNotFound = (error: unknown): error is SeqdClientError =>
  error instanceof SeqdClientError && error.code === 'route_not_found';

/** Told before the plan is: nothing of it is going to happen. */
const runsAlready = ({ name, id }: DemoRun): CliError =>
  new CliError(
    `"${name}" is running, and only one can at a time: wait for its end, or cancel it on the dashboard or with DELETE /api/v1/demo/runs/${id}`,
    EXIT.unavailable,
  );

/** What a run ends with when nobody knows of it any more. */
const lost = (error: SeqdClientError): CliError =>
  new CliError(`the run is lost: ${error.message}. What it broke is put right within a minute; try again`);
