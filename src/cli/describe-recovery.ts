import type { RecoveryReport } from '../ledger/recover/recovery-report.ts';
import { rangesSize, type RangeSet } from '../core/ranges.ts';
import { furthestNode, type LivingNode } from './living-nodes.ts';

/** Conflicts listed for people; `--json` has them all. */
const CONFLICTS_SHOWN = 20;

/** A recovery for people. */
export function describeRecovery(
  report: RecoveryReport,
  {
    series,
    cluster,
    nodes,
    asked = nodes,
  }: {
    series: string;
    cluster: string;
    nodes: readonly LivingNode[];
    /** The same before the recovery. */
    asked?: readonly LivingNode[];
  },
): string[] {
  const { outcome, found, ledger, replayed, skipped, margin, next, fork, lost } = report;
  const lines = [
    `series ${series} in cluster ${cluster}`,
    `  etcd was found at batch ${found.sequence}, next number ${found.next}; the ledger at batch ${ledger.sequence}, next number ${ledger.next}`,
  ];
  lines.push(...describeMemory(asked));
  if (fork !== null) lines.push(...describeFork(fork));
  if (lost !== null) {
    lines.push(
      `  batches ${lost.first} to ${lost.last} are lost to the ledger for good; the state of their numbers is in etcd`,
    );
    if (skipped === null && report.retired.ranges.length === 0)
      return outcome === 'planned'
        ? [...lines, '  dry run, nothing was changed; --yes goes on without them']
        : [...lines, ...describeNodes(nodes)];
  }
  switch (outcome) {
    case 'nothing':
      return [...lines, '  they agree: there is nothing to recover, and nothing was changed'];
    case 'forked':
      return [
        ...lines,
        '  nothing was changed. "seqd recover --keep-both --yes" keeps both histories: the series goes on with the one in etcd, the other stays in the',
        '  ledger under a period of its own, and the counter is raised above both. The numbers above then belong to two documents: cancel one of each',
      ];
    case 'planned':
    case 'recovered': {
      const [brought, raised] =
        outcome === 'planned'
          ? ['would be brought back', 'would be raised']
          : ['were brought back', 'was raised'];
      lines.push(`  ${replayed} batches ${brought} from the ledger`);
      lines.push(
        skipped === null
          ? `  the counter had not to be raised: the next number is ${next}`
          : `  the counter ${raised} to ${next}; ${skipped.first} to ${skipped.last} become void, documented by the raise`,
        `  of these ${margin.numbers} are a margin for what nobody knows of: ${margin.reason}`,
        ...describeRetired(report),
      );
      if (outcome === 'planned') return [...lines, '  dry run, nothing was changed; --yes does it'];
      return [...lines, ...describeNodes(nodes)];
    }
  }
}

function describeFork({
  common,
  inEtcd,
  inLedger,
  conflicts,
}: NonNullable<RecoveryReport['fork']>): string[] {
  const numbers = rangesSize(conflicts);
  return [
    `  two histories: they part after batch ${common}; ${inEtcd} batches follow in etcd, ${inLedger} others in the ledger`,
    numbers === 0
      ? '  no number was issued in both'
      : `  issued in both, and so perhaps to two documents: ${numbers} numbers, ${listRanges(conflicts)}`,
  ];
}

function listRanges(ranges: RangeSet): string {
  const shown = ranges
    .slice(0, CONFLICTS_SHOWN)
    .map(({ first, last }) => (first === last ? String(first) : `${first} to ${last}`));
  const more = ranges.length - CONFLICTS_SHOWN;
  return shown.join(', ') + (more > 0 ? ` and ${more} ranges more (--json)` : '');
}

/** What became void because the lost batches may have drawn it from the pool, or confirmed it. */
function describeRetired({ outcome, retired: { ranges, reservations } }: RecoveryReport): string[] {
  const [became, were] = outcome === 'planned' ? ['would become', 'would be'] : ['became', 'were'];
  const lines: string[] = [];
  if (reservations > 0)
    lines.push(`  ${reservations} open reservations ${were} ended: what is lost may have confirmed them`);
  if (ranges.length > 0)
    lines.push(
      `  ${rangesSize(ranges)} numbers of the pool ${became} void, because what is lost may have drawn them: ${listRanges(ranges)}`,
    );
  return lines;
}

/** Which node said how far the series went, and which address is not believed. */
function describeMemory(asked: readonly LivingNode[]): string[] {
  const furthest = furthestNode(asked);
  const lines = asked
    .filter(({ stranger }) => stranger !== undefined)
    .map(({ url, stranger }) => `  ${url} is not asked: it is of ${stranger ?? 'no cluster that it names'}`);
  if (furthest !== undefined)
    lines.unshift(
      `  of the nodes that run, ${furthest.url} saw it go furthest: next number ${furthest.next}`,
    );
  return lines;
}

function describeNodes(nodes: readonly LivingNode[]): string[] {
  const running = nodes.filter(({ answer }) => answer !== undefined);
  if (running.length === 0) return ['  no node runs; start them, and they serve'];
  const refusing = running.filter(({ answer }) => answer?.ready !== true);
  if (refusing.length === 0) return [`  serving has resumed on ${running.length} nodes`];
  return [`  not ready yet: ${refusing.map(({ url }) => url).join(', ')}; /readyz says why`];
}
