import { Gauge, type Registry } from 'prom-client';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { PatrolView } from '../verify/ledger-patrol.ts';

/** Adds the metrics of the patrol; they have values on the node that does it only. */
export function observePatrol(
  registry: Registry,
  series: SeriesId,
  view: () => PatrolView | undefined,
): void {
  const add = (name: string, help: string, read: (view: PatrolView) => number | undefined): void => {
    const gauge: Gauge<'series'> = new Gauge({
      name,
      help,
      labelNames: ['series'],
      registers: [registry],
      collect: () => {
        gauge.reset();
        const now = view();
        const value = now === undefined ? undefined : read(now);
        if (value !== undefined) gauge.set({ series: seriesName(series) }, value);
      },
    });
  };
  add(
    'seqd_ledger_verify_problems',
    'What the verification of the ledger has found, in this pass or in the one before',
    ({ problems }) => problems,
  );
  add(
    'seqd_ledger_verified_sequence',
    'The batch that the verification of the ledger has got to in this pass',
    ({ sequence }) => sequence,
  );
  add(
    'seqd_ledger_verify_last_pass_timestamp_seconds',
    'When the ledger was last verified from end to end; no value before the first time',
    ({ lastPassAt }) => (lastPassAt === undefined ? undefined : lastPassAt / 1_000),
  );
}
