import { encodeFact, decodeFact, type EncodedFact, StringTable } from '../core/batch-codec.ts';
import type { ErrorCode, ErrorDetails } from '../core/errors.ts';
import type { SeriesId } from '../core/identifiers.ts';
import type { Request } from '../core/requests.ts';
import type { ForwardMessage, ForwardOutcome, ForwardReply } from '../ports/peers.ts';

/** The version of what nodes say to each other; a peer of another version is treated as unreachable. */
export const PEER_PROTOCOL = 'seqd.peer.1';

/** Where a node takes in forwarded requests, on its HTTP port. */
export const PEER_PATH = '/internal/peer';

interface WireForward {
  id: number;
  series: SeriesId;
  budgetMs: number;
  epoch: number;
  requests: readonly Request[];
}

type WireOutcome =
  | {
      r: readonly [
        EncodedFact,
        sequence: number,
        index: number,
        time: number,
        revision: number,
        replayed: 0 | 1,
      ];
    }
  | { e: readonly [ErrorCode, string, ErrorDetails] };

type WireReply = { id: number; strings?: string[]; sequence?: number; outcomes?: WireOutcome[] };

/** A forward with the number its reply will carry. */
export function encodeForward(id: number, message: ForwardMessage): string {
  const wire: WireForward = { id, ...message };
  return JSON.stringify(wire);
}

export function decodeForward(text: string): { id: number; message: ForwardMessage } {
  const { id, ...message } = JSON.parse(text) as WireForward;
  return { id, message };
}

/** A reply; one without outcomes means `not_leader`. */
export function encodeForwardReply(id: number, reply: ForwardReply): string {
  if (reply.status === 'not_leader') return JSON.stringify({ id } satisfies WireReply);
  const table = new StringTable();
  const outcomes = reply.outcomes.map(outcome => encodeOutcome(outcome, table));
  return JSON.stringify({
    id,
    strings: table.strings,
    sequence: reply.sequence,
    outcomes,
  } satisfies WireReply);
}

export function decodeForwardReply(text: string): { id: number; reply: ForwardReply } {
  const { id, strings, sequence = 0, outcomes } = JSON.parse(text) as WireReply;
  if (outcomes === undefined) return { id, reply: { status: 'not_leader' } };
  const table = new StringTable(strings);
  return {
    id,
    reply: { status: 'done', sequence, outcomes: outcomes.map(outcome => decodeOutcome(outcome, table)) },
  };
}

function encodeOutcome(outcome: ForwardOutcome, table: StringTable): WireOutcome {
  if (outcome.status === 'failed') return { e: [outcome.code, outcome.detail, outcome.details] };
  const { fact, position, time, revision } = outcome.record;
  const replayed = outcome.replayed ? 1 : 0;
  return { r: [encodeFact(fact, table), position.sequence, position.index, time, revision, replayed] };
}

function decodeOutcome(wire: WireOutcome, table: StringTable): ForwardOutcome {
  if ('e' in wire) {
    const [code, detail, details] = wire.e;
    return { status: 'failed', code, detail, details };
  }
  const [fact, sequence, index, time, revision, replayed] = wire.r;
  const record = { fact: decodeFact(fact, table), position: { sequence, index }, time, revision };
  return { status: 'done', record, replayed: replayed === 1 };
}
