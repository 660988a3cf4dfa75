import { isLargeGap, mistakeInGaps } from './adopt.ts';
import { accepted, type Decision, rejected } from './decision.ts';
import type { FactOrigin, ImportStart } from './facts.ts';
import { pageOf } from './page.ts';
import { rangeIndexAt } from './ranges.ts';
import type { AdoptCommand, Outcome, RaiseCommand, RetireCommand } from './requests.ts';
import type { SeriesView } from './view.ts';

/** Most ranges the counter may have skipped by raises; they live in the head, which every commit writes. */
export const SKIPPED_RANGES_MAX = 64;

/** The counter goes on at a higher number; what it skips is void, or was issued by an imported numbering. */
export function decideRaise(view: SeriesView, command: RaiseCommand, origin: FactOrigin): Decision {
  const { next, settings, skipped } = view.head;
  const { reason, actor } = command;
  if (command.next <= next) {
    return rejected(
      'counter_lowered',
      `The next number is ${next}; it can only be raised, not set to ${command.next}`,
      {
        next,
        requested: command.next,
      },
    );
  }
  // One past the maximum is allowed: it closes the series.
  if (command.next > settings.maximum + 1) {
    return rejected('exhausted', `The series ends at ${settings.maximum}`, {
      maximum: settings.maximum,
      requested: command.next,
    });
  }
  const { imported } = command;
  const refusal = imported === undefined ? undefined : refuseImport(view, command.next, imported);
  if (refusal !== undefined) return refusal;
  const raised = { kind: 'raise' as const, next: command.next, reason, actor };
  const used = imported?.first ?? command.next;
  const rest = imported === undefined ? origin : { imported, ...origin };
  if (next === settings.start || next === used) return accepted({ ...raised, skipped: null, ...rest });
  if (skipped.length >= SKIPPED_RANGES_MAX) {
    return tooManyRaises();
  }
  return accepted({ ...raised, skipped: { first: next, last: used - 1 }, ...rest });
}

/** Numbers that seqd has issued, or had never to issue, cannot be another numbering's. */
function refuseImport({ head }: SeriesView, end: number, imported: ImportStart): Outcome | undefined {
  const { next, settings, openImport, importedRanges } = head;
  const { first } = imported;
  if (first >= end) return rejected('invalid_request', `An import of ${first} to ${end - 1} holds no number`);
  if (openImport !== null) return importConflict(head);
  if (first < next) {
    const why =
      next === settings.start
        ? `the series starts at ${next}`
        : `the series has given out its numbers up to ${next - 1}`;
    return rejected('counter_lowered', `Numbers from ${first} on cannot be imported: ${why}`, {
      next,
      requested: first,
    });
  }
  if (imported.gapsTo === 'pool' && settings.reuse === 'never') {
    return rejected('invalid_request', 'The series never reuses numbers, so gaps can only become void');
  }
  if (importedRanges.length >= SKIPPED_RANGES_MAX) return tooManyRaises();
  return undefined;
}

/** The gaps of an import, in order, as much at a time as fits into one commit. */
export function decideAdopt(view: SeriesView, command: AdoptCommand, origin: FactOrigin): Decision {
  const { head } = view;
  const { first, last, gaps, source, reason, actor } = command;
  const open = head.openImport;
  const mistake = mistakeInGaps(command);
  if (mistake !== undefined) return rejected('invalid_request', mistake);
  if (open === null || open.source !== source || open.first !== first || open.last < last)
    return importConflict(head);
  const large = gaps.filter(isLargeGap).length;
  if (large > 0 && open.gapsTo === 'pool')
    return rejected('invalid_request', 'A gap of so many numbers cannot be pooled at once');
  if (Math.max(head.skipped.length, head.importedRanges.length) + large > SKIPPED_RANGES_MAX)
    return tooManyRaises();
  return accepted({ kind: 'adopt', first, last, gaps, to: open.gapsTo, source, reason, actor, ...origin });
}

/** Pooled numbers become void, such as those that a restored backup has pooled again. */
export function decideRetire(view: SeriesView, command: RetireCommand, origin: FactOrigin): Decision {
  const { ranges, reason, actor } = command;
  if (ranges.length === 0 && view.head.openImport?.gapsTo !== 'pool')
    return rejected('invalid_request', 'There is nothing to retire');
  const id = pageOf(ranges[0]?.first ?? 0);
  const { pooled } = view.page(id);
  let from = 0;
  for (const { first, last } of ranges) {
    const around = pooled[rangeIndexAt(pooled, first)];
    const isPooled = around !== undefined && around.first <= first && last <= around.last;
    if (first < from || last < first || !isPooled)
      return rejected('invalid_request', `${first} to ${last} is not in the pool, or named out of order`);
    from = last + 1;
  }
  return accepted({ kind: 'retire', ranges, reason, actor, ...origin });
}

function importConflict({ openImport }: SeriesView['head']): Outcome {
  if (openImport === null) return rejected('import_conflict', 'No import is under way');
  const { first, last, source } = openImport;
  return rejected(
    'import_conflict',
    `An import is under way and goes on at ${first} (to ${last}, source ${source})`,
    {
      first,
      last,
      source,
    },
  );
}

function tooManyRaises(): Outcome {
  return rejected('too_many_raises', `A series can be raised ${SKIPPED_RANGES_MAX} times`, {
    limit: SKIPPED_RANGES_MAX,
  });
}
