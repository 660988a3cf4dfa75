import { deepFreeze, dictionary } from './deep-freeze.ts';
import type { Config, InvoiceBehaviour, MutableConfig } from './schema.ts';

const defaults: MutableConfig = {
  sequence: {
    // Namespace of every etcd key: /seqd/<cluster>/…
    cluster: 'seqd',
    core: {
      // Fixed with the series' first batch, like the next two: the first number of the global series.
      globalCounterStart: 1,
      // Last number; past it requests are refused, never wrapped around. 2^53 - 1, the largest safe integer.
      maximum: Number.MAX_SAFE_INTEGER,
      // true: released numbers are reused, lowest first. false: they become void (strict chronology).
      gapRecoveryEnabled: true,
      // Numbers one request may ask for.
      countMax: 1_000,
      // Whether previews (behaviour "preview") are answered.
      simulatedEnabled: true,
    },
    idempotency: {
      // How long a retry with the same key gets the same numbers, …
      windowHours: 24,
      // … and how many keys are remembered at most.
      windowMax: 100_000,
    },
    journal: {
      // Batches kept in etcd, …
      batchesMax: 200_000,
      // … and how many megabytes of them; what is older is pruned.
      megabytesMax: 64,
    },
    ledger: {
      // PostgreSQL, postgres://user:password@host:port/database; DATABASE_URL says it too. null: no ledger.
      url: null,
      // Its tables are in this schema.
      schema: 'seqd',
      // Connections of one node that write, and as many that answer questions.
      poolMax: 4,
      // Time to get one, and deadline of one statement.
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 30_000,
      // null: as the URL's sslmode says, without one "disable".
      tls: null,
      // Certificates of who signed the server's. null: those that Node knows.
      caFile: null,
      // Journal that is not in the ledger yet; past that numbers are refused, long before etcd is full.
      journalMegabytesMax: 512,
      // Rows that the node which writes to the ledger reads a second to verify it, all the time; 0: not at all.
      verifyRowsPerSecond: 1_000,
      // A node that starts compares etcd with the ledger before it issues a number (restore guard, ADR 015), and waits so long for a
      // ledger that does not answer. Then it serves without, and says so; when strict it waits until the ledger answers.
      guardWaitMs: 10_000,
      guardStrict: false,
    },
    events: {
      // Systems that are told of every fact in the ledger; each { name, kind: webhook, url, secrets } or
      // { name, kind: rabbitmq, url, exchange }, with kinds and from.
      sinks: [],
      // Events sent at once.
      batchSizeMax: 100,
      // Deadline of one attempt.
      timeoutMs: 10_000,
      // Refusals after which an event is a dead letter. What is only not possible now is tried for ever, …
      attemptsMax: 5,
      // … with pauses up to this.
      retryDelayMsMax: 60_000,
    },
    engine: {
      // Requests that may wait on one node; more are refused as overload. One tenant may have 8/9 of it, one series 8/9 of
      // that; fewer when others have requests waiting too.
      queueMax: 20_000,
      // Requests one commit carries.
      batchSizeMax: 512,
      // Commits of one series under way at once, …
      pipelineDepth: 2,
      // … and of all series of a node; past that tenants take turns, and each tenant's series do.
      commitsMax: 16,
      // A request's whole budget.
      requestTimeoutMs: 2_500,
      // How long a stopping node finishes accepted work.
      drainTimeoutMs: 10_000,
    },
    etcd: {
      // Read by the start script: whether it runs members of its own, on ports of its own, or uses `endpoints`.
      // A node only ever connects.
      embedded: true,
      // Read by the start script: where those members keep their data, relative to the project.
      dataDirectory: 'data/etcd-cluster',
      endpoints: ['http://127.0.0.1:12379', 'http://127.0.0.1:12389', 'http://127.0.0.1:12399'],
      // Deadline of one etcd call.
      callTimeoutMs: 1_000,
      // Life of membership and leadership after a node's last sign of life.
      leaseTtlSeconds: 3,
      // The leader compacts revisions older than this, those of all programs on this etcd. 0: the etcd does it itself.
      compactionMinutes: 0,
    },
    sites: [
      { id: 'site-1', partitions: ['partition-a', 'partition-b'] },
      { id: 'site-2', partitions: ['partition-a', 'partition-b'] },
    ],
    invoiceTypes: dictionary<InvoiceBehaviour>({
      'on-cycle': 'issue',
      'off-cycle': 'issue',
      simulated: 'preview',
      suppressed: 'suppress',
    }),
  },
  server: {
    // Loopback: a node is not reachable from outside until somebody says so.
    host: '127.0.0.1',
    // 0: any free port.
    port: 8_080,
    // The address for other nodes and clients. null: derived from host and port.
    advertiseUrl: null,
    // Who raises counters and imports numberings must send it. null: the node makes one (~/.seqd/admin-token-<port>).
    adminToken: null,
    bodyLimitBytes: 65_536,
    // Receiving a whole request, and its headers.
    requestTimeoutMs: 10_000,
    headersTimeoutMs: 10_000,
    // Longer than the 60 s of common load balancers, so that they close idle connections, not we.
    keepAliveTimeoutMs: 65_000,
  },
  node: {
    // null: <site>-<partition>.
    id: null,
    site: 'site-1',
    partition: 'partition-a',
  },
  demo: {
    // The demonstrations' process and what it must be shown; set by START-POC for the nodes it starts. null: none.
    url: null,
    token: null,
  },
  logging: {
    level: 'info',
  },
};

/** The configuration when nobody says anything else; deep-frozen. */
export const defaultConfig: Config = deepFreeze(defaults);
