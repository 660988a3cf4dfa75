// The process that runs demonstrations: apart from the nodes, since those it kills must not take it with them. Started
// by the supervisor of the one-click start, with an IPC channel over which it asks for what only a parent can do, and
// SEQD_DEMO_HOST_PORT and SEQD_DEMO_TOKEN in its environment. Ends with that channel.

import { HostServer } from './host/host-server.ts';
import type { SupervisorMessage } from './host/messages.ts';
import { RunPushes } from './host/run-pushes.ts';
import { SupervisorLink } from './host/supervisor-link.ts';
import { DEMOS } from './demos/index.ts';
import { DemoRunner } from './run/demo-runner.ts';

const { SEQD_DEMO_HOST_PORT: port = '', SEQD_DEMO_TOKEN: token = '' } = process.env;

function refuse(why: string): never {
  process.stderr.write(`seqd demonstrations: ${why}\n`);
  process.exit(2);
}

if (process.send === undefined) refuse('only the one-click start can run them (no IPC channel)');
if (!/^\d{1,5}$/.test(port)) refuse('SEQD_DEMO_HOST_PORT is not a port');
if (token.length < 16) refuse('SEQD_DEMO_TOKEN is missing or too short');

process.on('disconnect', () => process.exit(0));
// Ctrl-C in a terminal reaches the whole group; the supervisor decides the order.
process.on('SIGINT', () => {});

const link = new SupervisorLink({
  send: message => process.send!(message, undefined, undefined, () => {}),
  onMessage: listener => process.on('message', message => listener(message as SupervisorMessage)),
});
const runner: DemoRunner = new DemoRunner({
  demos: DEMOS,
  cluster: () => link.cluster,
  disturb: (action, target) => link.disturb(action, target),
  onChange: () => pushes.changed(),
});
const pushes = new RunPushes(() => runner.latest);

try {
  await new HostServer({ port: Number(port), token, runner, pushes }).listen();
} catch (error) {
  refuse(error instanceof Error ? error.message : String(error));
}
