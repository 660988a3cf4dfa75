import { expect, test } from 'vitest';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { SeriesSequencer } from '../../src/sequencer/series-sequencer.ts';
import { ownerAt, play } from '../kit/sim/scenario.ts';

const BUDGET_MS = 1_500;
/** The engine pauses 200 ms between campaigns that fail. */
const CAMPAIGNS_MAX = BUDGET_MS / 200 + 1;

test('without a leader, without a lease and with etcd silent, campaigning goes on but does not spin', () =>
  play({ callTimeoutMs: 3 * BUDGET_MS, limits: { requestTimeoutMs: BUDGET_MS } }, async cluster => {
    const node = cluster.nodes[0]!;
    cluster.election.closed = true;
    cluster.depose();
    node.store.cutOff = true;
    // Another series, which this node has not loaded: its requests can only wait.
    const sequencer = new SeriesSequencer({ ...GLOBAL_SERIES, series: 'other' }, node.deps);
    const command = { kind: 'issue', owner: ownerAt('north'), count: 1 } as const;
    const before = node.coordination.campaigns;
    await expect(sequencer.submit({ command, origin: {} })).rejects.toMatchObject({ code: 'unavailable' });
    const campaigns = node.coordination.campaigns - before;
    expect(campaigns).toBeGreaterThan(2);
    expect(campaigns).toBeLessThanOrEqual(CAMPAIGNS_MAX);
    sequencer.close();
  }));
