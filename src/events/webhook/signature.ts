import { createHmac } from 'node:crypto';

/**
 * The value of the header `Seqd-Signature`: `t=<Unix seconds>,v1=<hex>`, where hex is HMAC-SHA256 of `<t>.<body>`; one `v1` for each
 * secret, so that a receiver may know the old one or the new one while they are changed.
 */
export function signatureOf(body: string, secrets: readonly string[], unixSeconds: number): string {
  const signatures = secrets.map(
    secret => `v1=${createHmac('sha256', secret).update(`${unixSeconds}.${body}`).digest('hex')}`,
  );
  return [`t=${unixSeconds}`, ...signatures].join(',');
}
