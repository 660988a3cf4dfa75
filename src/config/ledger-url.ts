/** What `sequence.ledger.url` may be, as said in messages. */
export const LEDGER_URL_ALLOWED =
  'null or a PostgreSQL URL, postgres://user:password@host:port/database, special characters percent-encoded';

/** How the connection to the ledger is encrypted, and whether the server has to prove who it is. */
export type LedgerTls = 'disable' | 'require' | 'verify-full';

/** How a URL's `sslmode` is meant, in PostgreSQL's own words. */
const SSL_MODES: Readonly<Record<string, LedgerTls>> = {
  disable: 'disable',
  allow: 'disable',
  prefer: 'disable',
  'no-verify': 'require',
  require: 'require',
  'verify-ca': 'verify-full',
  'verify-full': 'verify-full',
};

/** What a URL may say after `?`. A password there would not be hidden where the configuration is shown. */
const PARAMETERS = new Set([
  'host',
  'options',
  'sslmode',
  'sslrootcert',
  'application_name',
  'connect_timeout',
]);

/** Whether the text is a PostgreSQL URL whose credentials can be told from the rest. */
export function isLedgerUrl(text: string): boolean {
  if (!/^postgres(?:ql)?:\/\/[^\s/?#]*(?:\/[^\s@#]*)?$/.test(text) || !URL.canParse(text)) return false;
  const { searchParams } = new URL(text);
  const mode = searchParams.get('sslmode');
  if (mode !== null && !Object.hasOwn(SSL_MODES, mode)) return false;
  return [...searchParams.keys()].every(name => PARAMETERS.has(name));
}

/** A ledger's URL taken apart. */
export interface LedgerAddress {
  /** Without what it says about encryption, options and the program. */
  readonly url: string;
  readonly tls: LedgerTls | undefined;
  readonly caFile: string | undefined;
  /** For the server, such as `-c lock_timeout=1s`. */
  readonly options: string | undefined;
}

/** Takes out of a validated URL what is decided here and not by the driver. */
export function splitLedgerUrl(text: string): LedgerAddress {
  const url = new URL(text);
  const take = (name: string): string | undefined => {
    const value = url.searchParams.get(name) ?? undefined;
    url.searchParams.delete(name);
    return value;
  };
  const mode = take('sslmode');
  const caFile = take('sslrootcert');
  const options = take('options');
  take('application_name');
  take('connect_timeout');
  return { url: url.href, tls: mode === undefined ? undefined : SSL_MODES[mode], caFile, options };
}
