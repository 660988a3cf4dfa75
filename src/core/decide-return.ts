import { accepted, type Decision, notOwner, rejected, releaseTarget } from './decision.ts';
import type { FactOrigin } from './facts.ts';
import { formatAllocationId, ownerKey, samePosition } from './identifiers.ts';
import { EMPTY_PAGE, holdingOf, pageOf, pageStatus } from './page.ts';
import { rangesInclude } from './ranges.ts';
import type { FreshOwner, Outcome, ReturnCommand } from './requests.ts';
import type { SeriesView } from './view.ts';

/** A number comes back: to the pool, or to be void for ever. Only its owner returns it, and only once. */
export function decideReturn(view: SeriesView, command: ReturnCommand, origin: FactOrigin): Decision {
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

function returnedAlready(number: number, status: 'pooled' | 'void'): Outcome {
  return status === 'pooled'
    ? rejected('already_released', `Number ${number} is already released and waits in the gap pool`, {
        number,
      })
    : rejected('already_void', `Number ${number} is void`, { number });
}
