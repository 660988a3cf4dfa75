import { decodeFacts, encodeFacts } from '../core/batch-codec.ts';
import type { ErrorCode, ErrorDetails } from '../core/errors.ts';
import { type EncodedFact, StringTable } from '../core/fact-codec.ts';
import { ownerKey, parseOwnerKey, type SeriesId } from '../core/identifiers.ts';
import type { IssueCommand, Request } from '../core/requests.ts';
import { ADMIN_PENDING_MAX } from '../sequencer/admin-service.ts';
import type { ForwardMessage, ForwardOutcome, ForwardReply } from '../ports/peers.ts';

/**
 * The version of what nodes say to each other; a peer of another version is treated as unreachable. A new one for every new
 * command, and for every new member of one: an older leader would carry out what it understands of the command.
 *
 * 2: `adopt`, and `imported` in a `raise`.
 */
export const PEER_PROTOCOL = 'seqd.peer.2';

/** Where a node takes in forwarded requests, on its HTTP port. */
export const PEER_PATH = '/internal/peer';

/**
 * Largest forward a node takes in, above the largest that its peers can make: 4,096 requests (the most that
 * `batch-size-max` may be) of less than 8 KiB each, and the few longer ones that {@link ADMIN_PENDING_MAX} lets a node have.
 *
 * The longest request that may come in any number is a release with its type, or a draw: three free texts of 200 UTF-16 units,
 * each unit six bytes when JSON has to escape it (3 × 1,200); a key of 200 ASCII characters, each two bytes when escaped (400);
 * three names of 64 bytes; and less than 500 bytes of member names, numbers, ingress id and fingerprint. That is 4.7 KB, with
 * room for two more such texts.
 *
 * The longest of all is an `adopt`: 1,000 gaps of 52 bytes (`{"first":…,"last":…},` with numbers of 16 digits), two free texts
 * and the rest as above, 56 KB.
 */
export const FORWARD_BYTES_MAX = 4_096 * 8_192 + ADMIN_PENDING_MAX * 65_536;

/**
 * A request as it stands, or a run of the plainest ones, which take one array for all: draws of one number each for the
 * same owner, with consecutive ingress numbers and nothing else said.
 */
type WireRequest =
  | Request
  | readonly [owner: number, length: number, ingress: number, firstIngressNumber: number, since: number];

interface WireForward {
  id: number;
  series: SeriesId;
  budgetMs: number;
  epoch: number;
  strings: string[];
  requests: WireRequest[];
}

/** A run of outcomes with consecutive places in one batch; one replayed outcome; one failure. */
type WireOutcome =
  | { d: readonly [sequence: number, index: number, time: number, revision: number]; f: EncodedFact[] }
  | { p: readonly [sequence: number, index: number, time: number, revision: number]; f: EncodedFact[] }
  | { e: readonly [ErrorCode, string, ErrorDetails] };

type WireReply = { id: number; strings?: string[]; sequence?: number; outcomes?: WireOutcome[] };

/** A forward with the number its reply will carry. */
export function encodeForward(id: number, message: ForwardMessage): string {
  const table = new StringTable();
  const requests = encodeRequests(message.requests, table);
  return JSON.stringify({ id, ...message, strings: table.strings, requests } satisfies WireForward);
}

/**
 * The reverse of {@link encodeForward}.
 *
 * @throws Error for anything else, above all for a forward without a finite budget: its requests would never end
 */
export function decodeForward(text: string): { id: number; message: ForwardMessage } {
  const { id, strings, requests, ...message } = JSON.parse(text) as WireForward;
  if (!Number.isFinite(message.budgetMs)) throw new Error('a forward without a finite budgetMs');
  return { id, message: { ...message, requests: decodeRequests(requests, new StringTable(strings)) } };
}

function encodeRequests(requests: readonly Request[], table: StringTable): WireRequest[] {
  const encoded: WireRequest[] = [];
  for (let i = 0; i < requests.length;) {
    const first = requests[i]!;
    const length = runLength(requests, i);
    if (length === 0) {
      encoded.push(first);
      i += 1;
      continue;
    }
    const { owner } = first.command as IssueCommand;
    const { ingress, ingressNumber } = first.origin;
    const since = first.ingressSince ?? 0;
    encoded.push([table.indexOf(ownerKey(owner)), length, table.indexOf(ingress!), ingressNumber!, since]);
    i += length;
  }
  return encoded;
}

/** How many requests from `from` on make one run; 0 when that one is not plain. */
function runLength(requests: readonly Request[], from: number): number {
  const first = requests[from]!;
  if (!isPlain(first)) return 0;
  const key = ownerKey(first.command.owner);
  let length = 1;
  for (; from + length < requests.length; length += 1) {
    const next = requests[from + length]!;
    if (!isPlain(next) || next.ingressSince !== first.ingressSince) break;
    if (next.origin.ingress !== first.origin.ingress) break;
    if (next.origin.ingressNumber !== first.origin.ingressNumber! + length) break;
    if (ownerKey(next.command.owner) !== key) break;
  }
  return length;
}

function isPlain(request: Request): request is Request & { readonly command: IssueCommand } {
  const { command, origin } = request;
  return (
    command.kind === 'issue' &&
    command.count === 1 &&
    command.contiguous !== true &&
    command.suppress === undefined &&
    origin.ingress !== undefined &&
    origin.key === undefined &&
    origin.client === undefined &&
    origin.trace === undefined &&
    origin.reference === undefined
  );
}

function decodeRequests(encoded: readonly WireRequest[], table: StringTable): Request[] {
  const requests: Request[] = [];
  for (const one of encoded) {
    if (!isRun(one)) {
      requests.push(one);
      continue;
    }
    const [ownerIndex, length, ingressIndex, firstIngressNumber, ingressSince] = one;
    const command: IssueCommand = { kind: 'issue', owner: parseOwnerKey(table.at(ownerIndex)), count: 1 };
    const ingress = table.at(ingressIndex);
    for (let i = 0; i < length; i += 1) {
      requests.push({ command, origin: { ingress, ingressNumber: firstIngressNumber + i }, ingressSince });
    }
  }
  return requests;
}

function isRun(encoded: WireRequest): encoded is Exclude<WireRequest, Request> {
  return Array.isArray(encoded);
}

/** A reply; one without outcomes means `not_leader`. */
export function encodeForwardReply(id: number, reply: ForwardReply): string {
  if (reply.status === 'not_leader') return JSON.stringify({ id } satisfies WireReply);
  const table = new StringTable();
  const outcomes = encodeOutcomes(reply.outcomes, table);
  return JSON.stringify({
    id,
    strings: table.strings,
    sequence: reply.sequence,
    outcomes,
  } satisfies WireReply);
}

/** The reverse of {@link encodeForwardReply}. */
export function decodeForwardReply(text: string): { id: number; reply: ForwardReply } {
  const { id, strings, sequence = 0, outcomes } = JSON.parse(text) as WireReply;
  if (outcomes === undefined) return { id, reply: { status: 'not_leader' } };
  return {
    id,
    reply: { status: 'done', sequence, outcomes: decodeOutcomes(outcomes, new StringTable(strings)) },
  };
}

function encodeOutcomes(outcomes: readonly ForwardOutcome[], table: StringTable): WireOutcome[] {
  const encoded: WireOutcome[] = [];
  for (let i = 0; i < outcomes.length;) {
    const first = outcomes[i]!;
    i += 1;
    if (first.status === 'failed') {
      encoded.push({ e: [first.code, first.detail, first.details] });
      continue;
    }
    const { position, time, revision } = first.record;
    const facts = [first.record.fact];
    const place = [position.sequence, position.index, time, revision] as const;
    if (first.replayed) {
      encoded.push({ p: place, f: encodeFacts(facts, table) });
      continue;
    }
    for (; i < outcomes.length; i += 1) {
      const next = outcomes[i]!;
      if (next.status === 'failed' || next.replayed) break;
      if (next.record.position.sequence !== position.sequence) break;
      if (next.record.position.index !== position.index + facts.length) break;
      facts.push(next.record.fact);
    }
    encoded.push({ d: place, f: encodeFacts(facts, table) });
  }
  return encoded;
}

function decodeOutcomes(encoded: readonly WireOutcome[], table: StringTable): ForwardOutcome[] {
  const outcomes: ForwardOutcome[] = [];
  for (const one of encoded) {
    if ('e' in one) {
      const [code, detail, details] = one.e;
      outcomes.push({ status: 'failed', code, detail, details });
      continue;
    }
    const replayed = 'p' in one;
    const [sequence, firstIndex, time, revision] = replayed ? one.p : one.d;
    for (const [i, fact] of decodeFacts(one.f, table).entries()) {
      const record = { fact, position: { sequence, index: firstIndex + i }, time, revision };
      outcomes.push({ status: 'done', record, replayed });
    }
  }
  return outcomes;
}
