/** @returns {number} milliseconds on the system's monotonic clock, the same one in every process of this machine */
export function sharedNowMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}
