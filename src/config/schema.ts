import { z } from 'zod';
import type { DeepReadonly } from './deep-freeze.ts';
import { DEMO_URL_ALLOWED, isDemoUrl } from './demo-url.ts';
import { ETCD_ENDPOINT_ALLOWED, etcdAccessKind, isEtcdEndpoint } from './etcd-endpoints.ts';
import { eventSink } from './event-sinks.ts';
import { isLedgerUrl, LEDGER_URL_ALLOWED } from './ledger-url.ts';

// Every message is a noun phrase saying what is allowed; the loader puts "must be" before it and the value,
// its place and its source after it.

const MINUTE_MS = 60_000;

const wholeNumber = (min: number, max: number) => {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int(allowed).min(min, allowed).max(max, allowed);
};

const milliseconds = (min: number, max: number) => wholeNumber(min, max);

const switched = () => z.boolean('true or false');

const text = (pattern: RegExp, allowed: string) => z.string(allowed).regex(pattern, allowed);

const identifier = () => text(/^[a-z0-9._-]{1,64}$/, '1 to 64 characters of a-z, 0-9, ".", "_" and "-"');

const secret = () =>
  text(
    /^[\x21-\x7e]{16,200}$/,
    'null or a secret of 16 to 200 visible ASCII characters without spaces',
  ).nullable();

const behaviour = z.enum(['issue', 'preview', 'suppress'], 'issue, preview or suppress');

/** What a request with an invoice type does: issue a number, preview the next one, or issue and release it. */
export type InvoiceBehaviour = z.infer<typeof behaviour>;

/** Adds an issue for every value that occurred before it; runs even when other parts of the list are wrong. */
const distinct = <Item>(allowed: string, pick: (item: Item) => readonly [unknown, ...PropertyKey[]]) =>
  z.superRefine<Item[]>(
    (items, ctx) => {
      const seen = new Set<unknown>();
      for (const [index, item] of items.entries()) {
        const [value, ...path] = pick(item);
        if (typeof value !== 'string') continue;
        if (seen.has(value)) ctx.addIssue({ code: 'custom', path: [index, ...path], message: allowed });
        seen.add(value);
      }
    },
    { when: payload => Array.isArray(payload.value) },
  );

const endpoints = z
  .array(
    z.string(ETCD_ENDPOINT_ALLOWED).refine(isEtcdEndpoint, ETCD_ENDPOINT_ALLOWED),
    'a list of etcd endpoints',
  )
  .min(1, 'a list of at least one etcd endpoint')
  .check(distinct('an endpoint not listed before', (endpoint: string) => [endpoint]))
  .refine(
    list => new Set(list.filter(item => isEtcdEndpoint(item)).map(etcdAccessKind)).size <= 1,
    'endpoints that agree on http or https and on the credentials',
  );

const sites = z
  .array(
    z.strictObject(
      {
        id: identifier(),
        partitions: z
          .array(identifier(), 'a list of partition ids')
          .min(1, 'a list of at least one partition id')
          .check(distinct('a partition the site does not already have', (partition: string) => [partition])),
      },
      'a site with id and partitions',
    ),
    'a list of sites, each with id and partitions',
  )
  .min(1, 'a list of at least one site')
  .check(distinct('an id that no other site has', (site: { id?: unknown } | null) => [site?.id, 'id']));

// Names are checked apart from the record, so that a wrong name and its wrong behaviour are both reported.
const invoiceTypes = z.record(z.string(), behaviour, 'a map from invoice type to behaviour').superRefine(
  (types, ctx) => {
    const names = Object.keys(types);
    if (names.length === 0) ctx.addIssue({ code: 'custom', message: 'a map with at least one invoice type' });
    for (const name of names) {
      if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) continue;
      ctx.addIssue({
        code: 'custom',
        path: [name],
        params: { wrongKey: true },
        message: 'named with 1 to 64 characters of a-z, 0-9, ".", "_" and "-", the first a letter or digit',
      });
    }
  },
  { when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value) },
);

const ADVERTISE_URL_ALLOWED = 'null or an http or https URL without credentials, query or fragment';

// Credentials are refused here, not hidden: this address is published to every node and client.
const isAdvertisable = (value: string): boolean => {
  if (!/^https?:\/\/[^\s@?#]+$/.test(value)) return false;
  return URL.canParse(value);
};

/**
 * The whole configuration, in camelCase. Unknown keys are refused everywhere; nothing has a default here
 * (see `defaults.ts`), so what passes is complete. The rules between settings are in `cross-checks.ts`; the loader applies both.
 */
export const configSchema = z.strictObject({
  sequence: z.strictObject({
    cluster: text(/^[a-z0-9-]{1,64}$/, '1 to 64 characters of a-z, 0-9 and "-"'),
    core: z.strictObject({
      globalCounterStart: wholeNumber(1, Number.MAX_SAFE_INTEGER),
      maximum: wholeNumber(1, Number.MAX_SAFE_INTEGER),
      gapRecoveryEnabled: switched(),
      countMax: wholeNumber(1, 100_000),
      simulatedEnabled: switched(),
    }),
    idempotency: z.strictObject({
      windowHours: wholeNumber(1, 8_760),
      windowMax: wholeNumber(1, 10_000_000),
    }),
    journal: z.strictObject({
      // At most what the leader's journal index can hold, or megabytesMax could not be kept to.
      batchesMax: wholeNumber(1, 1_000_000),
      megabytesMax: wholeNumber(1, 1_024),
    }),
    ledger: z.strictObject({
      url: z.string(LEDGER_URL_ALLOWED).refine(isLedgerUrl, LEDGER_URL_ALLOWED).nullable(),
      schema: text(/^[a-z_][a-z0-9_]{0,62}$/, '1 to 63 characters of a-z, 0-9 and "_", the first no digit'),
      poolMax: wholeNumber(1, 100),
      connectTimeoutMs: milliseconds(10, MINUTE_MS),
      statementTimeoutMs: milliseconds(10, 60 * MINUTE_MS),
      tls: z.enum(['disable', 'require', 'verify-full'], 'null, disable, require or verify-full').nullable(),
      caFile: text(/^[^\0\r\n]*\S[^\0\r\n]*$/, 'null or a file path').nullable(),
      journalMegabytesMax: wholeNumber(1, 1_536),
      verifyRowsPerSecond: wholeNumber(0, 1_000_000),
      guardWaitMs: milliseconds(0, 60 * MINUTE_MS),
      guardStrict: switched(),
    }),
    events: z.strictObject({
      sinks: z
        .array(eventSink, 'a list of sinks, each with name, kind and url')
        .max(20, 'a list of at most 20 sinks')
        .check(
          distinct('a name that no other sink has', (sink: { name?: unknown } | null) => [
            sink?.name,
            'name',
          ]),
        ),
      batchSizeMax: wholeNumber(1, 1_000),
      timeoutMs: milliseconds(100, 10 * MINUTE_MS),
      attemptsMax: wholeNumber(1, 100),
      retryDelayMsMax: milliseconds(250, 60 * MINUTE_MS),
    }),
    engine: z.strictObject({
      queueMax: wholeNumber(1, 1_000_000),
      batchSizeMax: wholeNumber(1, 4_096),
      pipelineDepth: wholeNumber(1, 8),
      commitsMax: wholeNumber(1, 1_024),
      // At most 2900, so that a node without a quorum has answered within three seconds.
      requestTimeoutMs: milliseconds(10, 2_900),
      drainTimeoutMs: milliseconds(0, 10 * MINUTE_MS),
    }),
    etcd: z.strictObject({
      embedded: switched(),
      dataDirectory: text(/^[^\0\r\n]*\S[^\0\r\n]*$/, 'a directory path'),
      endpoints,
      callTimeoutMs: milliseconds(10, MINUTE_MS),
      // Below 1.5 x its election timeout (1 s by default) etcd silently raises a lease's time to live.
      leaseTtlSeconds: wholeNumber(2, 300),
      compactionMinutes: wholeNumber(0, 1_440),
    }),
    sites,
    invoiceTypes,
  }),
  server: z.strictObject({
    host: text(/^[A-Za-z0-9._:%-]{1,255}$/, 'a host name or an IP address'),
    port: wholeNumber(0, 65_535),
    advertiseUrl: z.string(ADVERTISE_URL_ALLOWED).refine(isAdvertisable, ADVERTISE_URL_ALLOWED).nullable(),
    adminToken: secret(),
    bodyLimitBytes: wholeNumber(1_024, 16_777_216),
    requestTimeoutMs: milliseconds(10, 10 * MINUTE_MS),
    headersTimeoutMs: milliseconds(10, 10 * MINUTE_MS),
    keepAliveTimeoutMs: milliseconds(0, 60 * MINUTE_MS),
  }),
  node: z.strictObject({
    id: text(/^[a-z0-9._-]{1,129}$/, 'null or 1 to 129 characters of a-z, 0-9, ".", "_" and "-"').nullable(),
    site: identifier(),
    partition: identifier(),
  }),
  demo: z.strictObject({
    url: z.string(DEMO_URL_ALLOWED).refine(isDemoUrl, DEMO_URL_ALLOWED).nullable(),
    token: secret(),
  }),
  logging: z.strictObject({
    level: z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'fatal, error, warn, info, debug, trace or silent',
    ),
  }),
});

/** The configuration as `configSchema` gives it, before freezing. */
export type MutableConfig = z.output<typeof configSchema>;

/** The complete, validated, read-only configuration of one node. */
export type Config = DeepReadonly<MutableConfig>;
