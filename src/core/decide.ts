import { decideBlock, decideIssue, decideReserve } from './decide-draw.ts';
import { decideAdopt, decideRaise, decideRetire } from './decide-admin.ts';
import { decideExpire, decideReservation } from './decide-reservation.ts';
import { decideReturn } from './decide-return.ts';
import { type Decision, rejected } from './decision.ts';
import { formatAllocationId } from './identifiers.ts';
import type { Outcome, Request } from './requests.ts';
import type { SeriesView } from './view.ts';

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
