import type { Demo } from '../run/demo.ts';
import { basic } from './basic.ts';
import { concurrent } from './concurrent.ts';
import { etcdFailover } from './etcd-failover.ts';
import { failover } from './failover.ts';
import { gaps } from './gaps.ts';
import { loadTest } from './load-test.ts';
import { outage } from './outage.ts';
import { partition } from './partition.ts';
import { race } from './race.ts';
import { retry } from './retry.ts';

/** All demonstrations, in the order to show. */
export const DEMOS: readonly Demo[] = [
  basic,
  concurrent,
  gaps,
  retry,
  loadTest,
  race,
  failover,
  partition,
  etcdFailover,
  outage,
];
