import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SeqdError } from '../../core/errors.ts';

/**
 * Lets administrators pass: whoever knows the token, and nobody else. Where a request comes from says nothing about who sent it:
 * a proxy on this machine speaks for everybody (ADR 013).
 *
 * @throws SeqdError `admin_required`
 */
export function assertAdmin({ headers }: Pick<IncomingMessage, 'headers'>, token: string): void {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (given !== undefined && sameText(given, token)) return;
  throw new SeqdError(
    'admin_required',
    'Send server.admin-token as "Authorization: Bearer ..."; without a configured one, the token that the node made, in .seqd in the home directory of its user',
  );
}

/** Compares digests, in a time that does not depend on the texts. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
