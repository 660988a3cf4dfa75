import { isLargeGap, mistakeInGaps } from './adopt.ts';
import type { DrawingFact, Fact, FactOrigin, ImportStart, ReleaseTarget } from './facts.ts';
import { formatAllocationId, ownerKey, samePosition } from './identifiers.ts';
import { EMPTY_PAGE, holdingOf, pageOf, pageStatus } from './page.ts';
import { type NumberRange, rangeIndexAt, rangeSize, rangesInclude } from './ranges.ts';
import type {
  AdoptCommand,
  BlockCommand,
  DrawCommand,
  ExpireCommand,
  FreshOwner,
  IssueCommand,
  Outcome,
  RaiseCommand,
  Rejection,
  Request,
  ReservationCommand,
  ReserveCommand,
  RetireCommand,
  ReturnCommand,
} from './requests.ts';
import type { Reservation, SeriesView } from './view.ts';

/** A request was accepted, and this is the fact that carries it out; or its outcome is already clear. */
export type Decision = { readonly status: 'accepted'; readonly fact: Fact } | Outcome;

/**
 * Pages of the pool one request may draw from; what it still lacks then comes from the counter, so that any
 * request fits into one commit.
 */
export const DRAW_PAGES_MAX = 16;

/** Most ranges the counter may have skipped by raises; they live in the head, which every commit writes. */
export const SKIPPED_RANGES_MAX = 64;

/** Decides about one request. Pure; changes nothing. */
export function decide(view: SeriesView, request: Request, now: number): Decision {
  return findRepetition(view, request) ?? decideCommand(view, request, now);
}

function decideCommand(view: SeriesView, request: Request, now: number): Decision {
  const { command, origin } = request;
  switch (command.kind) {
    case 'issue':
      return decideIssue(view, command, origin);
    case 'block':
      return decideBlock(view, command, origin);
    case 'reserve':
      return decideReserve(view, command, origin, now);
    case 'confirm':
    case 'cancel':
      return decideReservation(view, command, origin);
    case 'expire':
      return decideExpire(view, command, origin, now);
    case 'release':
    case 'void':
      return decideReturn(view, command, origin);
    case 'raise':
      return decideRaise(view, command, origin);
    case 'adopt':
      return decideAdopt(view, command, origin);
    case 'retire':
      return decideRetire(view, command, origin);
  }
}

/** The first answer of a request that was carried out before (G5), or the refusal of a misused key (F3). */
function findRepetition(view: SeriesView, request: Request): Outcome | undefined {
  const { key, fingerprint, ingress, ingressNumber } = request.origin;
  if (key !== undefined) {
    const record = view.byKey(key);
    if (record !== undefined) {
      if (record.fact.fingerprint === fingerprint) return { status: 'done', record, replayed: true };
      return rejected(
        'idempotency_key_reused',
        `The key ${JSON.stringify(key)} was used with another payload`,
        {
          key,
          usedBy: formatAllocationId(record.position),
        },
      );
    }
  }
  if (ingress === undefined || ingressNumber === undefined) return undefined;
  const record = view.byIngress(ingress, ingressNumber);
  if (record !== undefined) return { status: 'done', record, replayed: false };
  if ((request.ingressSince ?? 0) >= view.ingressFloor) return undefined;
  return rejected(
    'outcome_unknown',
    'The request was forwarded so long ago that it is no longer known whether it was carried out',
    { ingressFloor: view.ingressFloor },
  );
}

function decideIssue(view: SeriesView, command: IssueCommand, origin: FactOrigin): Decision {
  const drawn = draw(view, command, command.contiguous === true ? 'counter' : 'pool-first');
  if ('code' in drawn) return { status: 'rejected', rejection: drawn };
  const { owner } = command;
  if (command.suppress === undefined) return accepted({ kind: 'issue', owner, ...drawn, ...origin });
  const suppressed = { reason: command.suppress, to: releaseTarget(view) };
  return accepted({ kind: 'issue', owner, ...drawn, ...origin, suppressed });
}

function decideBlock(view: SeriesView, command: BlockCommand, origin: FactOrigin): Decision {
  const drawn = draw(view, command, 'counter');
  if ('code' in drawn) return { status: 'rejected', rejection: drawn };
  return accepted({ kind: 'block', owner: command.owner, ...drawn, ...origin });
}

function decideReserve(view: SeriesView, command: ReserveCommand, origin: FactOrigin, now: number): Decision {
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

function decideReservation(view: SeriesView, command: ReservationCommand, origin: FactOrigin): Decision {
  const id = formatAllocationId(command.reservation);
  const reservation = view.reservation(id);
  if (reservation === undefined) return noReservation(id);
  const { owner } = reservation;
  if (owner.site !== command.site || owner.partition !== command.partition) {
    return notOwner(`Reservation ${id}`, command);
  }
  if (command.kind === 'cancel') return accepted(endReservation(view, 'cancel', reservation, origin));
  const { reused, fresh } = reservation;
  return accepted({ kind: 'confirm', owner, reused, fresh, reservation: reservation.position, ...origin });
}

/** A reservation is there until its expiry commits, so confirm and expiry cannot both succeed (F8). */
function decideExpire(view: SeriesView, command: ExpireCommand, origin: FactOrigin, now: number): Decision {
  const id = formatAllocationId(command.reservation);
  const reservation = view.reservation(id);
  if (reservation === undefined || reservation.deadline > now) return noReservation(id);
  return accepted(endReservation(view, 'expire', reservation, origin));
}

function endReservation(
  view: SeriesView,
  kind: 'cancel' | 'expire',
  reservation: Reservation,
  origin: FactOrigin,
): Fact {
  const { owner, reused, fresh, position } = reservation;
  return { kind, owner, reused, fresh, reservation: position, to: releaseTarget(view), ...origin };
}

function decideReturn(view: SeriesView, command: ReturnCommand, origin: FactOrigin): Decision {
  const { number } = command;
  const { settings, next, skipped, importedRanges } = view.head;
  if (number < settings.start || number >= next) {
    const issued =
      next === settings.start ? 'none has been yet' : `issued numbers are ${settings.start} to ${next - 1}`;
    return rejected('never_issued', `Number ${number} was never issued; ${issued}`, {
      number,
      first: settings.start,
      last: next - 1,
    });
  }
  if (rangesInclude(skipped, number)) return returnedAlready(number, 'void');
  const page = view.page(pageOf(number));
  const status = page === EMPTY_PAGE ? undefined : pageStatus(page, number);
  if (status === 'pooled' || status === 'void') return returnedAlready(number, status);
  if (status === 'reserved') {
    return rejected('number_reserved', `Number ${number} is held by a reservation; cancel that instead`, {
      number,
    });
  }
  if (status === 'reissued') {
    if (command.allocation === undefined) {
      return rejected(
        'allocation_id_required',
        `Number ${number} was released and issued again; say which allocation you mean with its allocationId`,
        { number },
      );
    }
    return decideReturnFrom(view, command, holdingOf(page, number)!, origin);
  }
  if (rangesInclude(importedRanges, number)) {
    return rejected(
      'not_owner',
      `Number ${number} was issued by the numbering that was imported; seqd cannot take it back`,
      { number, imported: true },
    );
  }
  const { freshOwner } = command;
  if (freshOwner === undefined) return { status: 'lookup', number };
  // Nobody can return more than the stored tallies say was drawn.
  if (freshOwner.claimed && (view.tally(ownerKey(freshOwner.owner))?.issued ?? 0) === 0)
    return notOwner(`Number ${number}`, command);
  return decideReturnFrom(view, command, freshOwner, origin);
}

/** Returns a number from the allocation that has it now; a stale or foreign return changes nothing (F6, F7). */
function decideReturnFrom(
  view: SeriesView,
  command: ReturnCommand,
  current: FreshOwner,
  origin: FactOrigin,
): Decision {
  const { number, reason } = command;
  const { allocation, owner } = current;
  if (command.allocation !== undefined && !samePosition(command.allocation, allocation)) {
    return rejected(
      'stale_allocation',
      `Number ${number} does not belong to allocation ${formatAllocationId(command.allocation)}`,
      { number, allocationId: formatAllocationId(command.allocation) },
    );
  }
  const { site, partition, type = owner.type } = command;
  if (owner.site !== site || owner.partition !== partition || owner.type !== type) {
    return notOwner(`Number ${number}`, command);
  }
  if (command.kind === 'void') {
    return accepted({
      kind: 'void',
      number,
      allocation,
      owner,
      reason,
      actor: command.actor ?? '',
      ...origin,
    });
  }
  return accepted({ kind: 'release', number, allocation, owner, reason, to: releaseTarget(view), ...origin });
}

function decideRaise(view: SeriesView, command: RaiseCommand, origin: FactOrigin): Decision {
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
function decideAdopt(view: SeriesView, command: AdoptCommand, origin: FactOrigin): Decision {
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

function decideRetire(view: SeriesView, command: RetireCommand, origin: FactOrigin): Decision {
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

function releaseTarget(view: SeriesView): ReleaseTarget {
  return view.head.settings.reuse === 'never' ? 'void' : 'pool';
}

function accepted(fact: Fact): Decision {
  return { status: 'accepted', fact };
}

function rejected(code: Rejection['code'], detail: string, details?: Rejection['details']): Outcome {
  return {
    status: 'rejected',
    rejection: details === undefined ? { code, detail } : { code, detail, details },
  };
}

function returnedAlready(number: number, status: 'pooled' | 'void'): Outcome {
  return status === 'pooled'
    ? rejected('already_released', `Number ${number} is already released and waits in the gap pool`, {
        number,
      })
    : rejected('already_void', `Number ${number} is void`, { number });
}

function notOwner(
  what: string,
  { site, partition, type }: { site: string; partition: string; type?: string },
): Outcome {
  const claimed = type === undefined ? `${site}/${partition}` : `${site}/${partition} (${type})`;
  const details = type === undefined ? { site, partition } : { site, partition, type };
  return rejected('not_owner', `${what} does not belong to ${claimed}`, details);
}

function noReservation(id: string): Outcome {
  return rejected(
    'reservation_not_found',
    `There is no reservation ${id}; it was confirmed, cancelled or has expired`,
    {
      reservation: id,
    },
  );
}
