import * as fc from 'fast-check';

// Property tests try the same examples in every run, so that a change fails for what it changed and not by chance.
// SEQD_FC_SEED=<whole number> tries others; SEQD_FC_SEED=random others each time (fast-check prints the seed of a failure).
const SEED = 20_261_121;

const wanted = process.env['SEQD_FC_SEED'] ?? '';
if (wanted !== '' && wanted !== 'random' && !/^-?\d{1,10}$/.test(wanted))
  throw new Error(`SEQD_FC_SEED must be a whole number or "random", not ${JSON.stringify(wanted)}`);
if (wanted !== 'random')
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: wanted === '' ? SEED : Number(wanted) });
