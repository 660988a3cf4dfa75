import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SeqdError } from '../../core/errors.ts';

/**
 * Lets administrators pass: whoever knows the token or, where none is configured, programs on this machine.
 *
 * A proxy on this machine and a page in a browser on it speak for others, so without a token a request that shows signs of either
 * is refused.
 *
 * @throws SeqdError `admin_required`
 */
export function assertAdmin(request: IncomingMessage, token: string | null): void {
  if (token !== null) {
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given !== undefined && sameText(given, token)) return;
    throw new SeqdError('admin_required', 'Send the server\'s admin token as "Authorization: Bearer ..."');
  }
  if (isLoopback(request.socket.remoteAddress) && isDirect(request)) return;
  throw new SeqdError(
    'admin_required',
    'Without a configured server.admin-token only programs on the same machine as the node may do this',
  );
}

/** Compares digests, in a time that does not depend on the texts. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);
}

const FOREIGN_SIGNS = [
  'forwarded',
  'x-forwarded-for',
  'x-real-ip',
  'via',
  'origin',
  'sec-fetch-site',
] as const;

function isDirect({ headers }: IncomingMessage): boolean {
  // A name that is not ours may have been made to lead here (DNS rebinding).
  const local = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/i.test(headers.host ?? '');
  return local && FOREIGN_SIGNS.every(name => headers[name] === undefined);
}
