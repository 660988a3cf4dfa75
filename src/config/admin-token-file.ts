import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';

/** 256 bits, in characters that a header may have. */
export function randomAdminToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Where a node without `server.admin-token` keeps the token it made, for the commands that the same user runs on the same machine:
 * `~/.seqd/admin-token-<port>`. The home directory is the one the system knows, since services need not have a `HOME`.
 *
 * @throws the system's error for a user without a home directory
 */
export function adminTokenFile(port: number, home: string = userInfo().homedir): string {
  return join(home, '.seqd', `admin-token-${port}`);
}

/** Writes it so that nobody else can read it, and nobody reads half of it. @returns the path @throws the system's error */
export function writeAdminToken(token: string, port: number, home?: string): string {
  const path = adminTokenFile(port, home);
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(draft, path);
  return path;
}

/** Removes it, unless another node has taken the port meanwhile. Never throws. */
export function removeAdminToken(token: string, port: number, home?: string): void {
  try {
    const path = adminTokenFile(port, home);
    if (readFileSync(path, 'utf8').trim() === token) rmSync(path);
  } catch {
    // Nothing was written, or it is gone: either way nobody can use it.
  }
}

/** The token of the node at an address of this machine; `undefined` for any other, which must not learn it, or when there is none. */
export function readAdminToken(url: string, home?: string): string | undefined {
  const { protocol, hostname, port } = new URL(url);
  if (!isOwnAddress(hostname.replace(/^\[|\]$/g, ''))) return undefined;
  try {
    const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
    const token = readFileSync(adminTokenFile(number, home), 'utf8').trim();
    return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}

function isOwnAddress(host: string): boolean {
  if (host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)) return true;
  return Object.values(networkInterfaces()).some(each => each?.some(({ address }) => address === host));
}
