import type { CallOptions } from '@grpc/grpc-js';
import { noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';
import { SeqdError } from '../../core/errors.ts';
import { RevisionMark } from '../revision-mark.ts';
import { readFailure, shouldChangeMember } from './etcd-errors.ts';

/** How to reach etcd. */
export interface EtcdOptions {
  /** `http://host:port` of each member, at least one. */
  readonly endpoints: readonly string[];
  /** Deadline of every unary call, milliseconds. */
  readonly callTimeoutMs: number;
}

/** An etcd call with its options (the deadline) filled in. */
export type EtcdCall<T> = (client: Etcd3, options: CallOptions) => Promise<T>;

/**
 * Connections to the members of one etcd cluster: one client per member, so that *we* choose who is asked.
 *
 * The client library's own policies are off: it would repeat transactions that had committed (P1), has no
 * deadline (P2), and spreads calls over members at random, so that one paused member slows every third call.
 * Here all calls go to one member until it fails, then to the next; the failed call is never repeated
 * behind the caller's back.
 */
export class EtcdConnection {
  readonly endpoints: readonly string[];
  readonly callTimeoutMs: number;
  /** The highest revision that any answer told of. */
  readonly revisions = new RevisionMark();
  private readonly clients: readonly Etcd3[];
  private current: number;
  private closed = false;

  constructor(options: EtcdOptions) {
    this.endpoints = options.endpoints;
    this.callTimeoutMs = options.callTimeoutMs;
    this.clients = options.endpoints.map(endpoint => createMemberClient(endpoint));
    // Nodes spread over the members; which one hardly matters, since any member passes proposals on.
    this.current = Math.floor(Math.random() * this.clients.length);
  }

  /** The member calls go to now. */
  get endpoint(): string {
    return this.endpoints[this.current]!;
  }

  /**
   * One call to the current member, under a deadline. After a transport failure later calls go to the next
   * member. Rejects with the client's error, which says nothing about whether the call took effect.
   *
   * @param timeoutMs less than the default deadline, where the caller has less time left
   */
  async call<T>(call: EtcdCall<T>, timeoutMs = this.callTimeoutMs): Promise<T> {
    const member = this.current;
    if (this.closed) throw new SeqdError('draining', 'The connection to etcd is closed');
    try {
      const answer = await call(this.clients[member]!, {
        deadline: Date.now() + Math.min(timeoutMs, this.callTimeoutMs),
      });
      this.revisions.note(revisionOf(answer) ?? 0);
      return answer;
    } catch (error) {
      if (shouldChangeMember(error)) this.leave(member);
      throw error;
    }
  }

  /**
   * A linearizable call that may be repeated because it changes nothing: asks each member once, within `budgetMs` in all.
   *
   * @throws SeqdError `unavailable` when no member answered
   */
  async read<T>(call: EtcdCall<T>, budgetMs = this.callTimeoutMs * 2): Promise<T> {
    const started = performance.now();
    const before = this.revisions.look();
    let failure: unknown;
    for (let attempt = 0; attempt < this.clients.length; attempt += 1) {
      const left = budgetMs - (performance.now() - started);
      if (left <= 0) break;
      try {
        const answer = await this.call(call, left);
        const revision = revisionOf(answer);
        if (revision !== undefined) this.revisions.answered(before, revision);
        return answer;
      } catch (error) {
        failure = error;
        if (!shouldChangeMember(error)) break;
      }
    }
    throw readFailure(failure);
  }

  /** Sends calls to this member from now on, until it fails. */
  prefer(endpoint: string): void {
    const member = this.endpoints.indexOf(endpoint);
    if (member >= 0) this.current = member;
  }

  /** The same call to every member at once: results by endpoint, errors as values. */
  async eachMember<T>(call: EtcdCall<T>): Promise<{ endpoint: string; value?: T; error?: unknown }[]> {
    return Promise.all(
      this.clients.map(async (client, i) => {
        const endpoint = this.endpoints[i]!;
        try {
          return { endpoint, value: await call(client, { deadline: Date.now() + this.callTimeoutMs }) };
        } catch (error) {
          return { endpoint, error };
        }
      }),
    );
  }

  close(): void {
    this.closed = true;
    for (const client of this.clients) client.close();
  }

  /** Moves on, unless a concurrent call has already done so. */
  private leave(member: number): void {
    if (this.current === member) this.current = (member + 1) % this.clients.length;
  }
}

/** What an answer's header says of the store's revision. */
function revisionOf(answer: unknown): number | undefined {
  const header = (answer as { header?: { revision?: string } } | undefined | null)?.header;
  return header?.revision === undefined ? undefined : Number(header.revision);
}

function createMemberClient(endpoint: string): Etcd3 {
  return new Etcd3({
    hosts: endpoint,
    faultHandling: { global: noop, host: () => noop },
    grpcOptions: {
      // Below 10 s the server answers "excess pings" and drops the connection (P3).
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 3_000,
      'grpc.max_receive_message_length': 16 * 1024 * 1024,
      // A member that comes back must be found again soon: the default back-off grows to two minutes.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
    },
  });
}
