import type { CliContext } from '../context.ts';
import { lookOf } from '../look.ts';
import type { ReplayTally } from './tally.ts';

const BAR_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 2_000;
const BAR_WIDTH = 30;

/**
 * Shows how far a replay is: a bar on a terminal, else a line every two seconds.
 *
 * @returns ends it, and clears the bar
 */
export function showProgress(
  { stderr: stream, env }: Pick<CliContext, 'stderr' | 'env'>,
  tally: ReplayTally,
  total: number,
): () => void {
  const startedAtMs = performance.now();
  const bar = lookOf(stream, env).live;
  const show = (): void => {
    const text = describe(tally, total, performance.now() - startedAtMs);
    // A line that wraps could not be overwritten.
    stream.write(
      bar
        ? `\r\x1b[2K${`${draw(tally.done / total)} ${text}`.slice(0, (stream.columns || 80) - 1)}`
        : `${text}\n`,
    );
  };
  const timer = setInterval(show, bar ? BAR_INTERVAL_MS : LINE_INTERVAL_MS);
  if (bar) show();
  return () => {
    clearInterval(timer);
    if (bar) stream.write('\r\x1b[2K');
  };
}

function draw(share: number): string {
  const full = Math.round(share * BAR_WIDTH);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
}

function describe({ done, failed }: ReplayTally, total: number, elapsedMs: number): string {
  const perSecond = elapsedMs > 0 ? (done * 1_000) / elapsedMs : 0;
  const left = perSecond > 0 ? `, ${Math.ceil((total - done) / perSecond)} s left` : '';
  const failures = failed > 0 ? `, ${failed} failed` : '';
  return `${done}/${total} documents, ${Math.round(perSecond)}/s${left}${failures}`;
}
