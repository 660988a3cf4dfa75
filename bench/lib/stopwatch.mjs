/** @typedef {{ seconds: number, cpuSeconds: number }} Lap `cpuSeconds` is what this process used of the processors */

/** @returns {() => Lap} what has passed since */
export function startStopwatch() {
  const started = performance.now();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
}
