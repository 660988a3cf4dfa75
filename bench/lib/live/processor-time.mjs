const METRIC = /^process_cpu_seconds_total (\S+)$/m;

/**
 * Processor time that nodes have taken since they were started, in milliseconds, as their own metrics tell it.
 *
 * @param {readonly string[]} urls
 * @returns {Promise<number>} all nodes' together
 */
export async function processorMs(urls) {
  const each = await Promise.all(
    urls.map(async url => {
      const answer = await fetch(`${url}/metrics`);
      const [, seconds] = METRIC.exec(await answer.text()) ?? [];
      if (seconds === undefined) throw new Error(`${url}/metrics does not tell the processor time`);
      return Number(seconds) * 1_000;
    }),
  );
  return each.reduce((sum, ms) => sum + ms, 0);
}
