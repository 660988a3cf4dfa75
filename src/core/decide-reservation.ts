import { accepted, type Decision, notOwner, rejected, releaseTarget } from './decision.ts';
import type { Fact, FactOrigin } from './facts.ts';
import { formatAllocationId } from './identifiers.ts';
import type { ExpireCommand, Outcome, ReservationCommand } from './requests.ts';
import type { Reservation, SeriesView } from './view.ts';

/** A reservation becomes an allocation, or its numbers go back. */
export function decideReservation(
  view: SeriesView,
  command: ReservationCommand,
  origin: FactOrigin,
): Decision {
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
export function decideExpire(
  view: SeriesView,
  command: ExpireCommand,
  origin: FactOrigin,
  now: number,
): Decision {
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

function noReservation(id: string): Outcome {
  return rejected(
    'reservation_not_found',
    `There is no reservation ${id}; it was confirmed, cancelled or has expired`,
    {
      reservation: id,
    },
  );
}
