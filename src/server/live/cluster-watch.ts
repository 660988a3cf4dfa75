import type { ClusterEvent, LiveLeader, LiveNode, LiveView } from './live-protocol.ts';

type Members = LiveView['members'];
type Happening = Pick<ClusterEvent, 'kind' | 'text' | 'mark'> & {
  readonly about: string;
  /** Happens once only, so every node gives it the same id. */
  readonly once?: boolean;
};

/** Sees what has changed in the cluster from one look to the next. */
export class ClusterWatch {
  private before: LiveView | undefined;
  /** The last there was. */
  private leader: LiveLeader | null = null;
  private count = 0;

  /** What happened since the last look; nothing at the first one. */
  update(view: LiveView, at: number): ClusterEvent[] {
    const { before } = this;
    this.before = view;
    if (before === undefined) {
      this.leader = view.leader;
      return [];
    }
    const happenings = [
      ...nodeEvents(before.nodes, view.nodes),
      ...this.leaderEvents(view.leader),
      ...memberEvents(before.members, view.members),
      ...ledgerEvents(before.ledger, view.ledger),
    ];
    return happenings.map(({ kind, about, text, mark, once }) => {
      this.count += 1;
      const id = `${kind}:${about}${once === true ? '' : `:${at}-${this.count}`}`;
      return { id, category: 'cluster', at, kind, text, mark };
    });
  }

  private leaderEvents(now: LiveLeader | null): Happening[] {
    const before = this.leader;
    if (now === null || now.epoch === before?.epoch) return [];
    this.leader = now;
    // The first one that this process has seen is no change.
    if (before === null) return [];
    const instead = before.node === now.node ? '' : ` instead of ${before.node}`;
    const text = `node ${now.node} leads${instead}`;
    return [{ kind: 'leader:changed', about: now.epoch, text, mark: true, once: true }];
  }
}

/** What came of a node's change of state, by its new one. */
const STATES: Record<LiveNode['state'], { readonly verb: string; readonly text: string }> = {
  serving: { verb: 'ready', text: 'is ready' },
  'not-ready': { verb: 'not-ready', text: 'is not ready' },
  silent: { verb: 'silent', text: 'is silent' },
  gone: { verb: 'left', text: 'has left' },
};

function* nodeEvents(before: readonly LiveNode[], now: readonly LiveNode[]): Iterable<Happening> {
  const old = new Map(before.map(node => [node.id, node]));
  for (const { id, state, startedAt } of now) {
    const was = old.get(id);
    const isNew = was === undefined || was.startedAt !== startedAt;
    if (!isNew && was.state === state) continue;
    const back = state === 'serving' && (was?.state === 'silent' || was?.state === 'gone');
    const { verb, text } = isNew
      ? { verb: 'joined', text: 'has joined' }
      : back
        ? { verb: 'back', text: 'is back' }
        : STATES[state];
    const mark = verb !== 'ready' && verb !== 'not-ready';
    const about = isNew ? `${id}:${startedAt}` : id;
    yield { kind: `node:${verb}`, about, text: `node ${id} ${text}`, mark, once: isNew };
  }
}

function* memberEvents(before: Members, now: Members): Iterable<Happening> {
  const old = new Map(before.map(member => [member.endpoint, member]));
  for (const { endpoint, healthy, leader } of now) {
    const was = old.get(endpoint);
    if (was === undefined) continue;
    const name = `etcd member ${endpoint}`;
    if (was.healthy && !healthy)
      yield { kind: 'member:lost', about: endpoint, text: `${name} does not answer`, mark: true };
    if (!was.healthy && healthy)
      yield { kind: 'member:back', about: endpoint, text: `${name} answers again`, mark: true };
    if (was.leader !== true && leader === true)
      yield { kind: 'member:leads', about: endpoint, text: `${name} leads etcd`, mark: false };
  }
}

function* ledgerEvents(before: LiveView['ledger'], now: LiveView['ledger']): Iterable<Happening> {
  const { state, detail, projector } = now;
  if (state !== before.state) {
    const text = `ledger ${state}${detail === '' ? '' : `: ${detail}`}`;
    yield { kind: `ledger:${state}`, about: before.state, text, mark: before.state !== 'none' };
  }
  if (projector !== null && projector !== before.projector)
    yield { kind: 'projector:moved', about: projector, text: `${projector} writes the ledger`, mark: false };
}
