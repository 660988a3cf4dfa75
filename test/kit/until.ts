/**
 * Looks at a condition again and again until it gives something truthy, and returns that.
 *
 * @param what for the message when it does not come true in time
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { timeoutMs = 20_000, intervalMs = 25 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<NonNullable<T>> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise(resolve => setTimeout(resolve, intervalMs));
  }
}
