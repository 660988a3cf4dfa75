import type { IncomingMessage } from 'node:http';
import { SeqdError } from '../../core/errors.ts';
import { showsBearer } from '../bearer-token.ts';

/**
 * Lets administrators pass: whoever knows the token, and nobody else. Where a request comes from says nothing about who sent it:
 * a proxy on this machine speaks for everybody (ADR 013).
 *
 * @throws SeqdError `admin_required`
 */
export function assertAdmin(request: Pick<IncomingMessage, 'headers'>, token: string): void {
  if (showsBearer(request, token)) return;
  throw new SeqdError(
    'admin_required',
    'Send server.admin-token as "Authorization: Bearer ..."; without a configured one, the token that the node made, in .seqd in the home directory of its user',
  );
}
