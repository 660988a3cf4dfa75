const FIRST_MS = 250;

/**
 * How long to wait after so many failures in a row (from 1): twice as long each time up to a maximum, of which half is left to
 * chance, so that those who failed together do not come back together.
 */
export function retryDelayMs(failures: number, maxMs: number, random: () => number): number {
  const fullMs = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 30), maxMs);
  return Math.round(fullMs * (0.5 + random() / 2));
}
