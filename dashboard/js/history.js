// The cluster's past at three resolutions, kept up from the samples of the deltas. No DOM in here.
//
//   history.minute, .fiveMinutes, .hour: {stepMs, capacity, t, numbers, requests, errors, p50, p95, p99, batch, ledgerLag}
//   Each column is a plain array of numbers or null, oldest first, all of the same length, at most `capacity` long: fit for
//   uPlot as they are (with `ms: 1`). They are the same arrays all the time, changed in place; rates are per second.

/** @typedef {import('../../src/server/live/live-protocol.ts').LiveSample} LiveSample */
/** @typedef {import('../../src/server/live/live-protocol.ts').LiveSamples} LiveSamples */
/** @typedef {import('../../src/server/live/live-protocol.ts').LiveHistory} LiveHistory */

/** @type {readonly (keyof LiveSample)[]} */
export const COLUMNS = ['t', 'numbers', 'requests', 'errors', 'p50', 'p95', 'p99', 'batch', 'ledgerLag'];

/**
 * @typedef {{ stepMs: number, capacity: number } & Record<keyof LiveSample, (number | null)[]>} Columns
 */

/**
 * Samples by column that forget the oldest when full, and never allocate then.
 *
 * @param {number} stepMs
 * @param {number} capacity
 * @returns {Columns}
 */
export function createColumns(stepMs, capacity) {
  const columns = Object.fromEntries(COLUMNS.map(name => [name, /** @type {(number | null)[]} */ ([])]));
  return /** @type {Columns} */ (/** @type {unknown} */ ({ stepMs, capacity, ...columns }));
}

/**
 * @param {Columns} columns
 * @param {readonly LiveSample[]} samples oldest first, all later than what is there
 */
export function appendSamples(columns, samples) {
  const { capacity } = columns;
  const added = samples.length > capacity ? samples.slice(-capacity) : samples;
  for (const name of COLUMNS) {
    const column = columns[name];
    const dropped = Math.max(0, column.length + added.length - capacity);
    if (dropped > 0) {
      // Array.prototype.shift gives up its store now and then; moving by hand keeps one for ever.
      for (let i = dropped; i < column.length; i += 1) column[i - dropped] = column[i] ?? null;
    }
    let at = column.length - dropped;
    for (const sample of added) {
      column[at] = sample[name];
      at += 1;
    }
  }
}

/**
 * Sums samples up to one of a longer step. Percentiles are means weighted by requests: close to the truth, which only the
 * node has; its own come with the next snapshot.
 *
 * @param {number} stepMs of the sum
 */
export function createSum(stepMs) {
  let end = 0;
  let sums = nothing();

  function take() {
    const { samples, weight, batches, ledgerLag } = sums;
    /** @param {number} sum */
    const percentile = sum => (weight === 0 ? null : sum / weight);
    /** @type {LiveSample} */
    const sample = {
      t: end,
      numbers: sums.numbers / samples,
      requests: sums.requests / samples,
      errors: sums.errors / samples,
      p50: percentile(sums.p50),
      p95: percentile(sums.p95),
      p99: percentile(sums.p99),
      batch: batches === 0 ? null : sums.facts / batches,
      ledgerLag,
    };
    sums = nothing();
    return sample;
  }

  /** @param {LiveSample} sample */
  function count(sample) {
    // A sample with percentiles or batches had a request, however the rate was rounded.
    const share = Math.max(sample.requests, 1e-9);
    sums.samples += 1;
    sums.numbers += sample.numbers;
    sums.requests += sample.requests;
    sums.errors += sample.errors;
    if (sample.p50 !== null && sample.p95 !== null && sample.p99 !== null) {
      sums.weight += share;
      sums.p50 += share * sample.p50;
      sums.p95 += share * sample.p95;
      sums.p99 += share * sample.p99;
    }
    if (sample.batch !== null && sample.batch > 0) {
      sums.facts += share;
      sums.batches += share / sample.batch;
    }
    if (sample.ledgerLag !== null) sums.ledgerLag = Math.max(sums.ledgerLag ?? 0, sample.ledgerLag);
  }

  return {
    clear() {
      sums = nothing();
    },
    /**
     * @param {LiveSample} sample
     * @returns {LiveSample[]} what is complete with it
     */
    add(sample) {
      const sampleEnd = Math.ceil(sample.t / stepMs) * stepMs;
      // The one before did not get its last sample: what there is of it counts.
      const complete = sums.samples > 0 && sampleEnd !== end ? [take()] : [];
      end = sampleEnd;
      count(sample);
      if (sample.t === end) complete.push(take());
      return complete;
    },
  };
}

function nothing() {
  return {
    samples: 0,
    numbers: 0,
    requests: 0,
    errors: 0,
    weight: 0,
    p50: 0,
    p95: 0,
    p99: 0,
    facts: 0,
    batches: 0,
    ledgerLag: /** @type {number | null} */ (null),
  };
}

/** The three resolutions, empty. */
export function createHistory() {
  const minute = createColumns(100, 600);
  const fiveMinutes = createColumns(1_000, 300);
  const hour = createColumns(10_000, 360);
  const toSecond = createSum(fiveMinutes.stepMs);
  const toTenSeconds = createSum(hour.stepMs);

  /** @param {LiveSample} sample */
  function addTenth(sample) {
    for (const second of toSecond.add(sample)) {
      if (second.t <= lastTime(fiveMinutes)) continue;
      appendSamples(fiveMinutes, [second]);
      addSecond(second);
    }
  }

  /** @param {LiveSample} sample */
  function addSecond(sample) {
    for (const tenSeconds of toTenSeconds.add(sample))
      if (tenSeconds.t > lastTime(hour)) appendSamples(hour, [tenSeconds]);
  }

  return {
    minute,
    fiveMinutes,
    hour,

    /**
     * Puts a node's history in place of what there is.
     *
     * @param {LiveHistory} from
     */
    load(from) {
      loadColumns(minute, from.minute);
      loadColumns(fiveMinutes, from.fiveMinutes);
      loadColumns(hour, from.hour);
      toSecond.clear();
      toTenSeconds.clear();
      // What is not in a longer step yet is summed up from the shorter one.
      const lastOfHour = lastTime(hour);
      for (const sample of samplesOf(from.fiveMinutes)) if (sample.t > lastOfHour) addSecond(sample);
      const lastOfFive = lastTime(fiveMinutes);
      for (const sample of samplesOf(from.minute)) if (sample.t > lastOfFive) addTenth(sample);
    },

    /** @param {readonly LiveSample[]} samples oldest first; those not later than the last are left out */
    add(samples) {
      const last = lastTime(minute);
      const later = samples.filter(sample => sample.t > last);
      appendSamples(minute, later);
      for (const sample of later) addTenth(sample);
    },
  };
}

/** @param {Columns} columns */
function lastTime(columns) {
  return columns.t.at(-1) ?? 0;
}

/**
 * @param {Columns} columns
 * @param {LiveSamples} from
 */
function loadColumns(columns, from) {
  for (const name of COLUMNS) columns[name].length = 0;
  appendSamples(columns, samplesOf(from));
}

/**
 * @param {LiveSamples} columns
 * @returns {LiveSample[]}
 */
function samplesOf(columns) {
  const samples = columns.t.map((_, i) =>
    Object.fromEntries(COLUMNS.map(name => [name, columns[name]?.[i] ?? null])),
  );
  return /** @type {LiveSample[]} */ (/** @type {unknown} */ (samples));
}
