import type {
  DisturbAction,
  DisturbMessage,
  DisturbTarget,
  HostCluster,
  SupervisorMessage,
} from './messages.ts';

/** Ending a process may take its grace; more than this is no answer. */
const ANSWER_TIMEOUT_MS = 20_000;

/** The supervisor does not do what it was asked for; nothing was done. */
export class DisturbanceRefused extends Error {
  override readonly name = 'DisturbanceRefused';
}

/** How messages come and go: a process with an IPC channel. */
export interface Channel {
  send(message: DisturbMessage): void;
  onMessage(listener: (message: SupervisorMessage) => void): void;
}

/** Asks the supervisor to disturb its children, and knows the cluster that it told of. */
export class SupervisorLink {
  private readonly channel: Channel;
  private readonly waiting = new Map<number, (answer: SupervisorMessage & { type: 'disturbed' }) => void>();
  private lastId = 0;
  private known: HostCluster | undefined;

  constructor(channel: Channel) {
    this.channel = channel;
    channel.onMessage(message => this.receive(message));
  }

  /** `undefined` until everything serves. */
  get cluster(): HostCluster | undefined {
    return this.known;
  }

  /**
   * Returns once it is done.
   *
   * @throws DisturbanceRefused when the supervisor says no
   * @throws Error when it says nothing: it is not known whether it was done
   */
  async disturb(action: DisturbAction, target: DisturbTarget): Promise<void> {
    const id = (this.lastId += 1);
    let timer: NodeJS.Timeout | undefined;
    try {
      const answer = await new Promise<SupervisorMessage & { type: 'disturbed' }>((resolve, reject) => {
        this.waiting.set(id, resolve);
        timer = setTimeout(
          () => reject(new Error(`the supervisor did not say whether it did "${action}" to ${target.name}`)),
          ANSWER_TIMEOUT_MS,
        );
        this.channel.send({ type: 'disturb', id, action, target });
      });
      if (!answer.ok)
        throw new DisturbanceRefused(`the supervisor refused to ${action} ${target.name}: ${answer.why}`);
    } finally {
      clearTimeout(timer);
      this.waiting.delete(id);
    }
  }

  private receive(message: SupervisorMessage): void {
    if (message.type === 'cluster') {
      const { type: _type, ...cluster } = message;
      this.known = cluster;
    } else if (message.type === 'disturbed') this.waiting.get(message.id)?.(message);
  }
}
