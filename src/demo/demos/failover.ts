import type { Demo } from '../run/demo.ts';
import { CLIENTS_PARAMETER } from './fault-load.ts';
import { killLeader } from './kill-leader.ts';
import { NODE } from './leader-kinds.ts';
import { needsTwoNodes } from './obstacles.ts';

/** The node that commits all numbers dies. */
export const failover: Demo = {
  name: 'failover',
  title: 'Kill the leader',
  plan:
    'Clients draw numbers from all nodes. In the middle of it the node that leads, through which all numbers go, is killed (SIGKILL), as if ' +
    'its machine had lost power. Every other node commits by itself until one of them leads; the killed one is started again. Measured is the ' +
    'longest time that any client went without an answer.',
  disturbs: 'The node that leads is killed, and started again at once.',
  seconds: 12,
  parameters: [
    CLIENTS_PARAMETER,
    { name: 'seconds', title: 'Seconds under load', default: 8, minimum: 4, maximum: 60 },
  ],
  obstacle: needsTwoNodes,
  steps: context =>
    killLeader(context, NODE, {
      title: 'Kill the node that leads',
      aftermath: 'See how the others go on',
      said: 'was killed with requests under way.',
    }),
};
