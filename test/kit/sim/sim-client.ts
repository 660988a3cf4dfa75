import { ERROR_CODES, type ErrorCode, SeqdError } from '../../../src/core/errors.ts';
import type { JournalRecord } from '../../../src/core/facts.ts';
import type { Command } from '../../../src/core/requests.ts';
import type { SimCluster } from './sim-cluster.ts';

/** What a client was told. */
export type AttemptResult =
  | { readonly status: 'done'; readonly record: JournalRecord; readonly replayed: boolean }
  | { readonly status: 'failed'; readonly code: ErrorCode; readonly detail: string };

/** One request as one client sent it to one node, once. */
export interface Attempt {
  /** Unique; stands in the fact that the attempt causes, if it causes one. */
  readonly reference: string;
  readonly operation: Operation;
  readonly node: string;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  result: AttemptResult | undefined;
}

/** Something a client wants done, in as many attempts as it takes. */
export interface Operation {
  readonly id: string;
  readonly command: Command;
  /** Attempts with the same key are the same request. */
  readonly key: string | undefined;
  readonly fingerprint: string;
  /** Rejections that are no mistake of the cluster's: the client may have asked for something impossible. */
  readonly mayBeRejectedWith: readonly ErrorCode[] | 'anything';
  /** The client asks for something that must not be granted. */
  readonly mustFail: boolean;
  readonly attempts: Attempt[];
  /** `open` until the client knows, or knows that it never will. */
  status: 'open' | 'done' | 'rejected' | 'gave-up' | 'unknown';
}

/** Everything clients did, in the order they began. */
export class ClientLog {
  readonly attempts: Attempt[] = [];
  readonly operations: Operation[] = [];

  operation(
    command: Command,
    options: {
      key?: string | undefined;
      fingerprint?: string;
      mayBeRejectedWith?: Operation['mayBeRejectedWith'];
      mustFail?: boolean;
    } = {},
  ): Operation {
    const operation: Operation = {
      id: `op${this.operations.length + 1}`,
      command,
      key: options.key,
      fingerprint: options.fingerprint ?? JSON.stringify(command),
      mayBeRejectedWith: options.mayBeRejectedWith ?? [],
      mustFail: options.mustFail ?? false,
      attempts: [],
      status: 'open',
    };
    this.operations.push(operation);
    return operation;
  }

  /** Sends an operation to a node once, and notes what came back. Never rejects. */
  async attempt(cluster: SimCluster, operation: Operation, nodeIndex: number): Promise<AttemptResult> {
    const node = cluster.nodes[nodeIndex]!;
    const reference = `${operation.id}.${operation.attempts.length + 1}`;
    const attempt: Attempt = {
      reference,
      operation,
      node: node.info.instance,
      startedAtMs: cluster.time.nowMs,
      endedAtMs: undefined,
      result: undefined,
    };
    this.attempts.push(attempt);
    operation.attempts.push(attempt);
    const keyed =
      operation.key === undefined ? {} : { key: operation.key, fingerprint: operation.fingerprint };
    try {
      const answer = await node.sequencer.submit({
        command: operation.command,
        origin: { reference, ...keyed },
      });
      // As on the wire: what the engine does to its record later is nothing the client sees.
      attempt.result = { status: 'done', ...structuredClone(answer) };
    } catch (error) {
      if (!(error instanceof SeqdError)) throw error;
      attempt.result = { status: 'failed', code: error.code, detail: error.message };
    }
    attempt.endedAtMs = cluster.time.nowMs;
    return attempt.result;
  }
}

/** What the error table allows a client to do. */
export function retryOf(code: ErrorCode): 'never' | 'later' | 'same-key' {
  return ERROR_CODES[code].retry;
}
