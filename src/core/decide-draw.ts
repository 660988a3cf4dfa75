import { accepted, type Decision, releaseTarget } from './decision.ts';
import type { DrawingFact, FactOrigin } from './facts.ts';
import { type NumberRange, rangeSize } from './ranges.ts';
import type { BlockCommand, DrawCommand, IssueCommand, Rejection, ReserveCommand } from './requests.ts';
import type { SeriesView } from './view.ts';

/**
 * Pages of the pool one request may draw from; what it still lacks then comes from the counter, so that any
 * request fits into one commit.
 */
export const DRAW_PAGES_MAX = 16;

/** Numbers for documents; a contiguous range of them comes from the counter. */
export function decideIssue(view: SeriesView, command: IssueCommand, origin: FactOrigin): Decision {
  const drawn = draw(view, command, command.contiguous === true ? 'counter' : 'pool-first');
  if ('code' in drawn) return { status: 'rejected', rejection: drawn };
  const { owner } = command;
  if (command.suppress === undefined) return accepted({ kind: 'issue', owner, ...drawn, ...origin });
  const suppressed = { reason: command.suppress, to: releaseTarget(view) };
  return accepted({ kind: 'issue', owner, ...drawn, ...origin, suppressed });
}

/** A contiguous range that its owner hands out by itself. */
export function decideBlock(view: SeriesView, command: BlockCommand, origin: FactOrigin): Decision {
  const drawn = draw(view, command, 'counter');
  if ('code' in drawn) return { status: 'rejected', rejection: drawn };
  return accepted({ kind: 'block', owner: command.owner, ...drawn, ...origin });
}

/** Numbers held until they are confirmed, cancelled, or the time is up. */
export function decideReserve(
  view: SeriesView,
  command: ReserveCommand,
  origin: FactOrigin,
  now: number,
): Decision {
  const drawn = draw(view, command, 'pool-first');
  if ('code' in drawn) return { status: 'rejected', rejection: drawn };
  const deadline = now + command.holdMs;
  return accepted({ kind: 'reserve', owner: command.owner, ...drawn, deadline, ...origin });
}

/** Lowest pooled numbers first, then the counter; all that was asked for or nothing. */
function draw(
  view: SeriesView,
  command: DrawCommand,
  source: 'pool-first' | 'counter',
): Pick<DrawingFact, 'reused' | 'fresh'> | Rejection {
  const { next, settings } = view.head;
  const reused = source === 'pool-first' ? lowestPooled(view, command.count) : [];
  const freshCount = command.count - reused.reduce((sum, range) => sum + rangeSize(range), 0);
  if (freshCount === 0) return { reused, fresh: null };
  if (freshCount > settings.maximum - next + 1) {
    return {
      code: 'exhausted',
      detail: `The series ends at ${settings.maximum}; ${Math.max(0, settings.maximum - next + 1)} fresh numbers are left`,
      details: { maximum: settings.maximum, next, requested: command.count },
    };
  }
  return { reused, fresh: { first: next, last: next + freshCount - 1 } };
}

function lowestPooled(view: SeriesView, count: number): NumberRange[] {
  const taken: NumberRange[] = [];
  if (view.head.settings.reuse === 'never' || view.head.pooled === 0) return taken;
  let missing = count;
  let pages = 0;
  for (let id = view.pooledPageFrom(0); id !== undefined; id = view.pooledPageFrom(id + 1)) {
    const { pooled } = view.page(id);
    if (pooled.length === 0) continue;
    if (pages === DRAW_PAGES_MAX) break;
    pages += 1;
    for (const range of pooled) {
      const size = Math.min(missing, rangeSize(range));
      taken.push({ first: range.first, last: range.first + size - 1 });
      missing -= size;
      if (missing === 0) return taken;
    }
  }
  return taken;
}
