import type { AlertFinding } from './alert-book.ts';
import type { LiveNode, LiveView } from './live-protocol.ts';
import type { NodeStatus } from './node-status.ts';

/** What alerts are found in. */
export type AlertView = Omit<LiveView, 'alerts'>;

/** What nodes told that is not in the view; only those that are heard. */
export interface AlertContext {
  readonly statuses: readonly { readonly node: string; readonly status: NodeStatus }[];
}

/** etcd's quota unless it was given another one, which it does not tell. */
const DATABASE_BYTES_MAX = 2 * 1024 ** 3;
const DATABASE_WARNING = 0.7;
const DATABASE_CRITICAL = 0.9;
const JOURNAL_WARNING = 0.5;
const JOURNAL_CRITICAL = 0.8;
/** Part of the series' numbers. */
const LEFT_WARNING = 0.05;
/** As docs/runbook.md has it. */
const EVENT_LOOP = { delayMs: 50, afterMs: 60_000 } as const;
const EVENT_LOOP_STUCK = { delayMs: 500, afterMs: 2_000 } as const;
/** Part of the requests. */
const REFUSED_WARNING = 0.01;

/** What is wrong in a cluster that looks like this. Pure; headings are those of docs/runbook.md. */
export function findAlerts(view: AlertView, context: AlertContext): AlertFinding[] {
  return [
    ...aboutSeries(view, context),
    ...aboutEtcd(view, context),
    ...aboutLedger(view),
    ...aboutNodes(view, context),
    ...aboutTraffic(view),
  ];
}

function hasQuorum({ statuses }: AlertContext): boolean {
  return statuses.some(({ status }) => status.etcdConnected);
}

function* aboutSeries(
  { numbers, leader, restoreGuard }: AlertView,
  context: AlertContext,
): Iterable<AlertFinding> {
  if (numbers.holes !== 0)
    yield {
      id: 'holes',
      level: 'critical',
      title: 'Numbers are missing',
      detail: `${numbers.holes} numbers below ${numbers.next} are in no state. Run "seqd verify".`,
      runbook: 'Verify finds a hole or a number used twice',
    };
  for (const { node, status } of context.statuses) {
    if (status.stopped === null) continue;
    yield {
      id: `stopped:${node}`,
      level: 'critical',
      title: `${node} has stopped the series`,
      detail: status.stopped,
      runbook: 'Series stopped',
    };
  }
  if (restoreGuard.state === 'refusing' || restoreGuard.state === 'unverified')
    yield {
      id: `restore-guard:${restoreGuard.state}`,
      level: restoreGuard.state === 'refusing' ? 'critical' : 'warning',
      title:
        restoreGuard.state === 'refusing'
          ? 'Nothing is issued: etcd was set back'
          : 'Not compared with the ledger',
      detail: restoreGuard.detail,
      runbook: 'Restore from a backup',
    };
  if (leader === null && hasQuorum(context))
    yield {
      id: 'no-leader',
      level: 'critical',
      title: 'No node leads',
      detail: 'Requests wait until a node has taken the lead.',
      afterMs: 1_500,
      runbook: 'Leader flapping',
    };
  const { start, maximum, next, pooled } = numbers;
  const left = maximum - next + 1 + pooled;
  if (left <= (maximum - start + 1) * LEFT_WARNING)
    yield {
      id: 'exhausted',
      level: left <= 0 ? 'critical' : 'warning',
      title: left <= 0 ? 'No numbers are left' : 'Few numbers are left',
      detail: `${Math.max(0, left)} of ${maximum - start + 1} can still be issued.`,
    };
}

function* aboutEtcd({ members }: AlertView, context: AlertContext): Iterable<AlertFinding> {
  const cut = context.statuses.filter(({ status }) => !status.etcdConnected);
  if (cut.length > 0 && !hasQuorum(context))
    yield {
      id: 'quorum-lost',
      level: 'critical',
      title: 'No etcd quorum answers',
      detail:
        'Nothing is issued or lost. Serving goes on by itself when the majority of the members is back.',
      runbook: 'Quorum lost',
    };
  else
    for (const { node } of cut)
      yield {
        id: `etcd-cut:${node}`,
        level: 'warning',
        title: `${node} does not reach etcd`,
        detail: 'Other nodes do, so it is probably its network.',
        afterMs: 1_000,
        runbook: 'Quorum lost',
      };
  const well = members.filter(({ healthy }) => healthy).length;
  const spare = well - (Math.floor(members.length / 2) + 1);
  for (const { endpoint, healthy, error, databaseBytes = 0 } of members) {
    if (!healthy)
      yield {
        id: `member:${endpoint}`,
        level: 'warning',
        title: `etcd member ${endpoint} is not well`,
        detail: `${error === undefined ? 'It has no leader' : `Asked for its state: ${error}`}. ${spare > 0 ? `${spare} more may fail.` : spare === 0 ? 'No other one may fail.' : 'Too few are left.'}`,
        // It did not answer twice in a row.
        afterMs: 2_500,
        runbook: 'Quorum lost',
      };
    const part = databaseBytes / DATABASE_BYTES_MAX;
    if (part >= DATABASE_WARNING)
      yield {
        id: `database:${endpoint}`,
        level: part >= DATABASE_CRITICAL ? 'critical' : 'warning',
        title: `The database of ${endpoint} fills up`,
        detail: `It has ${Math.round(databaseBytes / 2 ** 20)} MiB; etcd's quota is 2,048 MiB unless it was changed.`,
        runbook: 'Etcd out of space',
      };
  }
}

function* aboutLedger({ ledger }: AlertView): Iterable<AlertFinding> {
  const { state, detail, lagBatches, lagSeconds, fullness, projector, verification } = ledger;
  if (state === 'none') return;
  const lag = `${lagBatches} batches wait, the oldest for ${Math.round(lagSeconds)} s.`;
  if (state === 'diverged')
    yield {
      id: 'ledger-diverged',
      level: 'critical',
      title: 'Ledger and journal contradict each other',
      detail,
      runbook: 'Ledger diverged',
    };
  if (state === 'unavailable')
    yield {
      id: 'ledger-down',
      level: 'warning',
      title: 'The ledger does not answer',
      detail: `${detail}. ${lag}`,
      runbook: 'Ledger down',
    };
  if (state === 'lagging')
    yield {
      id: 'ledger-lagging',
      level: 'warning',
      title: 'The ledger is behind',
      detail: lag,
      runbook: 'Journal filling',
    };
  if (fullness >= JOURNAL_WARNING)
    yield {
      id: 'journal-full',
      level: fullness >= JOURNAL_CRITICAL ? 'critical' : 'warning',
      title: fullness >= 1 ? 'Requests are refused: the journal is full' : 'The journal fills up',
      detail: `${Math.round(fullness * 100)} % of what may wait for the ledger.`,
      runbook: 'Journal filling',
    };
  if (projector === null)
    yield {
      id: 'no-projector',
      level: 'warning',
      title: 'No node writes to the ledger',
      detail: lag,
      afterMs: 10_000,
      runbook: 'Projector moved',
    };
  if (verification !== null && verification.problems > 0)
    yield {
      id: 'ledger-changed',
      level: 'critical',
      title: 'The ledger is not as it was written',
      detail: `${verification.problems} findings, the first: ${verification.finding ?? 'not known'}`,
      runbook: 'Ledger changed',
    };
}

function* aboutNodes({ nodes }: AlertView, context: AlertContext): Iterable<AlertFinding> {
  for (const node of nodes) {
    const finding = aboutNode(node, hasQuorum(context));
    if (finding !== undefined) yield finding;
    const { id, eventLoopDelayMs } = node;
    if (eventLoopDelayMs > EVENT_LOOP.delayMs)
      yield {
        id: `event-loop:${id}`,
        level: 'warning',
        title: `${id} has too little processor`,
        detail: `It could do nothing else for ${eventLoopDelayMs} ms.`,
        afterMs: eventLoopDelayMs > EVENT_LOOP_STUCK.delayMs ? EVENT_LOOP_STUCK.afterMs : EVENT_LOOP.afterMs,
        runbook: 'Overload',
      };
  }
  const versions = [...new Set(nodes.filter(({ state }) => state !== 'gone').map(({ version }) => version))];
  if (versions.length > 1)
    yield {
      id: 'versions',
      level: 'info',
      title: 'Nodes run different versions',
      detail: versions.sort().join(', '),
      afterMs: 60_000,
      runbook: 'Stop and rolling restart',
    };
}

function aboutNode({ id, state, problems, url }: LiveNode, quorum: boolean): AlertFinding | undefined {
  switch (state) {
    case 'silent':
      return {
        id: `node-silent:${id}`,
        level: 'warning',
        title: `${id} is silent`,
        detail: `It is registered, but nothing is heard from it at ${url}.`,
        // A machine that is short of processor for a moment is not worth an alert.
        afterMs: 1_000,
      };
    case 'not-ready': {
      // Without a quorum none is, and that is said already.
      if (!quorum) return undefined;
      const twice = problems.some(problem => problem.includes('under the name'));
      return {
        id: `node-not-ready:${id}`,
        level: 'warning',
        title: `${id} is not ready`,
        detail: problems.join('; '),
        afterMs: 3_000,
        ...(twice ? { runbook: 'Node name used twice' } : {}),
      };
    }
    case 'gone':
      return {
        id: `node-gone:${id}`,
        level: 'info',
        title: `${id} has left`,
        detail: 'It was there within the last minute.',
        afterMs: 1_000,
      };
    case 'serving':
      return undefined;
  }
}

function* aboutTraffic({ traffic }: AlertView): Iterable<AlertFinding> {
  const { errorsPerSecond, requestsPerSecond } = traffic;
  if (errorsPerSecond <= requestsPerSecond * REFUSED_WARNING) return;
  yield {
    id: 'refused',
    level: 'warning',
    title: 'Requests are refused',
    detail: `${Math.round((errorsPerSecond / requestsPerSecond) * 100)} % of the draws and releases.`,
    afterMs: 2_000,
    runbook: 'Overload',
  };
}
