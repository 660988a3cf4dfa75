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
  return {
    stepMs,
    capacity,
    t: [],
    numbers: [],
    requests: [],
    errors: [],
    p50: [],
    p95: [],
    p99: [],
    batch: [],
    ledgerLag: [],
  };
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
  let samples = 0;
  const sums = { numbers: 0, requests: 0, errors: 0 };
  const weighted = { p50: 0, p95: 0, p99: 0 };
  let weight = 0;
  let facts = 0;
  let batches = 0;
  /** @type {number | null} */
  let ledgerLag = null;

  function clear() {
    samples = 0;
    Object.assign(sums, { numbers: 0, requests: 0, errors: 0 });
    Object.assign(weighted, { p50: 0, p95: 0, p99: 0 });
    weight = 0;
    facts = 0;
    batches = 0;
    ledgerLag = null;
  }

  /** @returns {LiveSample} */
  function take() {
    /** @param {number} sum */
    const mean = sum => sum / samples;
    /** @param {number} sum */
    const percentile = sum => (weight === 0 ? null : sum / weight);
    const sample = {
      t: end,
      numbers: mean(sums.numbers),
      requests: mean(sums.requests),
      errors: mean(sums.errors),
      p50: percentile(weighted.p50),
      p95: percentile(weighted.p95),
      p99: percentile(weighted.p99),
      batch: batches === 0 ? null : facts / batches,
      ledgerLag,
    };
    clear();
    return sample;
  }

  /** @param {LiveSample} sample */
  function count(sample) {
    samples += 1;
    sums.numbers += sample.numbers;
    sums.requests += sample.requests;
    sums.errors += sample.errors;
    if (sample.p50 !== null && sample.p95 !== null && sample.p99 !== null) {
      // A sample with percentiles had a request, however the rate was rounded.
      const share = Math.max(sample.requests, 1e-9);
      weight += share;
      weighted.p50 += share * sample.p50;
      weighted.p95 += share * sample.p95;
      weighted.p99 += share * sample.p99;
    }
    if (sample.batch !== null && sample.batch > 0) {
      const share = Math.max(sample.requests, 1e-9);
      facts += share;
      batches += share / sample.batch;
    }
    if (sample.ledgerLag !== null) ledgerLag = Math.max(ledgerLag ?? 0, sample.ledgerLag);
  }

  return {
    clear,
    /**
     * @param {LiveSample} sample
     * @returns {LiveSample | undefined} what is complete with it
     */
    add(sample) {
      const sampleEnd = Math.ceil(sample.t / stepMs) * stepMs;
      // Its predecessor did not get its last sample: what there is of it counts.
      const before = samples > 0 && sampleEnd !== end ? take() : undefined;
      end = sampleEnd;
      count(sample);
      return sample.t === end ? take() : before;
    },
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
    const second = toSecond.add(sample);
    if (second === undefined || second.t <= lastTime(fiveMinutes)) return;
    appendSamples(fiveMinutes, [second]);
    addSecond(second);
  }

  /** @param {LiveSample} sample */
  function addSecond(sample) {
    const tenSeconds = toTenSeconds.add(sample);
    if (tenSeconds !== undefined && tenSeconds.t > lastTime(hour)) appendSamples(hour, [tenSeconds]);
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
  return columns.t.map((t, i) => ({
    t,
    numbers: columns.numbers[i] ?? 0,
    requests: columns.requests[i] ?? 0,
    errors: columns.errors[i] ?? 0,
    p50: columns.p50[i] ?? null,
    p95: columns.p95[i] ?? null,
    p99: columns.p99[i] ?? null,
    batch: columns.batch[i] ?? null,
    ledgerLag: columns.ledgerLag[i] ?? null,
  }));
}
