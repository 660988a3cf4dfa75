import type { Config } from './schema.ts';

type PartialConfig<T> = T extends readonly unknown[] | string | number | boolean | null
  ? T
  : { readonly [Key in keyof T]?: PartialConfig<T[Key]> };

/** The settings that could be read, while others are still wrong. */
export type KnownConfig = PartialConfig<Config>;

/** A setting that is fine by itself but not beside another one. */
export interface CrossMistake {
  /** The setting to change, dotted, in the file's spelling. */
  readonly path: string;
  /** What is allowed, as a noun phrase. */
  readonly allowed: string;
  /** The setting it was held against. */
  readonly against: string;
}

/**
 * Rules between settings. A rule is skipped when a setting it needs is not known, so these mistakes are named
 * together with all the others. No order is promised.
 */
export function crossMistakes({ sequence, server, node, demo }: KnownConfig): CrossMistake[] {
  const mistakes: CrossMistake[] = [];
  const { globalCounterStart, maximum } = sequence?.core ?? {};
  if (globalCounterStart !== undefined && maximum !== undefined && maximum < globalCounterStart) {
    mistakes.push({
      path: 'sequence.core.maximum',
      allowed: `at least sequence.core.global-counter-start (${globalCounterStart})`,
      against: 'sequence.core.global-counter-start',
    });
  }

  // Or no series could ever use its depth.
  const { pipelineDepth, commitsMax } = sequence?.engine ?? {};
  if (pipelineDepth !== undefined && commitsMax !== undefined && commitsMax < pipelineDepth) {
    mistakes.push({
      path: 'sequence.engine.commits-max',
      allowed: `at least sequence.engine.pipeline-depth (${pipelineDepth})`,
      against: 'sequence.engine.pipeline-depth',
    });
  }

  // Events are read from the ledger.
  if (sequence?.ledger?.url === null && (sequence.events?.sinks ?? []).length > 0) {
    mistakes.push({
      path: 'sequence.events.sinks',
      allowed: 'empty without a ledger, which they are read from',
      against: 'sequence.ledger.url',
    });
  }

  // Node refuses to create an HTTP server otherwise.
  const { requestTimeoutMs, headersTimeoutMs } = server ?? {};
  if (
    requestTimeoutMs !== undefined &&
    headersTimeoutMs !== undefined &&
    headersTimeoutMs > requestTimeoutMs
  ) {
    mistakes.push({
      path: 'server.headers-timeout-ms',
      allowed: `at most server.request-timeout-ms (${requestTimeoutMs})`,
      against: 'server.request-timeout-ms',
    });
  }

  // One without the other is a setting that somebody forgot.
  if (demo?.url !== undefined && demo.token !== undefined && (demo.url === null) !== (demo.token === null)) {
    mistakes.push(
      demo.url === null
        ? { path: 'demo.url', allowed: 'set when demo.token is', against: 'demo.token' }
        : { path: 'demo.token', allowed: 'set when demo.url is', against: 'demo.url' },
    );
  }

  const sites = sequence?.sites;
  if (sites === undefined || node?.site === undefined) return mistakes;
  const site = sites.find(({ id }) => id === node.site);
  if (site === undefined) {
    mistakes.push({
      path: 'node.site',
      allowed: `one of sequence.sites (${sites.map(({ id }) => id).join(', ')})`,
      against: 'sequence.sites',
    });
  } else if (node.partition !== undefined && !site.partitions.includes(node.partition)) {
    mistakes.push({
      path: 'node.partition',
      allowed: `one of the partitions of ${site.id} (${site.partitions.join(', ')})`,
      against: 'sequence.sites',
    });
  }
  return mistakes;
}
