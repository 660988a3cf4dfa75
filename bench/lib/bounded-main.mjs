/**
 * Runs a program that starts processes: a signal or the end of its time ends it in an orderly way too (`exit` hooks
 * kill what it started and delete what it wrote). Sets the exit code: 0 only when `main` says so.
 *
 * @param {number} timeoutMs
 * @param {() => Promise<boolean>} main whether all went well
 */
export async function runBounded(timeoutMs, main) {
  const end = /** @param {string} why @param {number} code */ (why, code) => {
    process.stderr.write(`ended: ${why}\n`);
    process.exit(code);
  };
  process.once('SIGINT', () => end('interrupted', 130));
  process.once('SIGTERM', () => end('asked to', 143));
  process.once('SIGHUP', () => end('the terminal is gone', 129));
  setTimeout(() => end(`not done after ${Math.round(timeoutMs / 1000)} s`, 1), timeoutMs).unref();
  const well = await main();
  process.exit(well ? 0 : 1);
}
