import type { Demo } from '../run/demo.ts';
import { CLIENTS_PARAMETER } from './fault-load.ts';
import { killLeader } from './kill-leader.ts';
import { MEMBER } from './leader-kinds.ts';
import { needsThreeMembers } from './obstacles.ts';

/** The member that orders all writes dies. */
export const etcdFailover: Demo = {
  name: 'etcd-failover',
  title: 'Kill the etcd leader',
  plan:
    'Clients draw numbers from all nodes. In the middle of it the member that leads etcd, which confirms every number, is killed (SIGKILL). The other ' +
    'members elect a new one, which takes etcd a second or two; requests wait for that, or are repeated with the same key. The killed member is ' +
    'started again.',
  disturbs: 'The etcd member that leads is killed, and started again at once.',
  seconds: 12,
  parameters: [
    CLIENTS_PARAMETER,
    { name: 'seconds', title: 'Seconds under load', default: 8, minimum: 5, maximum: 60 },
  ],
  obstacle: needsThreeMembers,
  steps: context =>
    killLeader(context, MEMBER, {
      title: 'Kill the member that leads etcd',
      aftermath: 'See how etcd elects another',
      said: 'was killed with commits under way.',
    }),
};
