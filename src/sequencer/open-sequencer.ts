import type { Config } from '../config/index.ts';
import type { SeriesSettings } from '../core/head.ts';
import type { SeriesId } from '../core/identifiers.ts';
import { DEFAULT_WINDOW, type WindowLimits } from '../core/window.ts';
import { Admission } from './admission.ts';
import { CommitSlots } from './commit-slots.ts';
import { INDEX_CAPACITY } from './journal-index.ts';
import type { LedgerOptions, SequencerDependencies } from './options.ts';
import { SeriesSequencer } from './series-sequencer.ts';

const MEGABYTE = 1024 * 1024;

/** What the sequencer of a node works with besides its configuration. */
export interface SequencerParts extends Pick<
  SequencerDependencies,
  'store' | 'coordination' | 'peers' | 'clock' | 'logger' | 'observer' | 'digest'
> {
  /** Both `undefined` without a ledger. */
  readonly ledger: {
    readonly lookup: LedgerOptions['lookup'];
    readonly guard: SequencerDependencies['guard'] | undefined;
  };
}

/** The sequencer of a series, as configured; not yet started. */
export function openSequencer(
  series: SeriesId,
  config: Config,
  { ledger: { lookup, guard }, ...parts }: SequencerParts,
): SeriesSequencer {
  const { engine, journal, ledger } = config.sequence;
  return new SeriesSequencer(series, {
    ...parts,
    random: Math.random,
    limits: engine,
    admission: new Admission(engine.queueMax),
    slots: new CommitSlots(engine.commitsMax, parts.clock),
    settings: settingsOf(config),
    window: windowOf(config),
    journal: { batchesMax: journal.batchesMax, bytesMax: journal.megabytesMax * MEGABYTE },
    ledger: {
      configured: lookup !== undefined,
      bytesMax: ledger.journalMegabytesMax * MEGABYTE,
      // What the index can hold, or the bytes could not be told.
      batchesMax: INDEX_CAPACITY,
      ...(lookup === undefined ? {} : { lookup }),
    },
    ...(guard === undefined ? {} : { guard }),
  });
}

/** For how long, and for how many keys, the first answer is remembered. */
export function windowOf({ sequence: { idempotency } }: Config): WindowLimits {
  return {
    ...DEFAULT_WINDOW,
    keyAgeMsMax: idempotency.windowHours * 3_600_000,
    keysMax: idempotency.windowMax,
  };
}

function settingsOf({ sequence: { core } }: Config): SeriesSettings {
  return {
    start: core.globalCounterStart,
    maximum: core.maximum,
    reuse: core.gapRecoveryEnabled ? 'lowest-first' : 'never',
  };
}
