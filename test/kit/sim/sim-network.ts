import type { NodeInfo } from '../../../src/ports/coordination.ts';
import {
  type ForwardMessage,
  type ForwardReply,
  type Peers,
  PeerUnreachableError,
} from '../../../src/ports/peers.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What becomes of one forwarded message. Times in milliseconds. */
export interface ForwardFault {
  /**
   * - `none`: delivered once, answered.
   * - `lost`: never delivered; the sender gives up after `giveUpMs`.
   * - `reply-lost`: delivered and processed; the sender hears nothing and gives up.
   * - `late`: the sender gives up, and `lateMs` after that it is delivered after all.
   * - `twice`: delivered twice, the second time `lateMs` after the first. The sender hears the answer only if
   *   everything was done: a transport that repeats what it has reported as refused is none of ours, and nothing
   *   could make a refusal final over it.
   */
  readonly kind: 'none' | 'lost' | 'reply-lost' | 'late' | 'twice';
  readonly thereMs?: number;
  readonly backMs?: number;
  readonly lateMs?: number;
}

/** Where messages end: a node's `acceptForward`. */
export type ForwardReceiver = (message: ForwardMessage) => Promise<ForwardReply>;

/** Decides the fate of a message. */
export type NetworkFaults = (from: NodeInfo, message: ForwardMessage) => ForwardFault;

/**
 * How simulated nodes reach one another. Messages are copied on both ways, as a wire would, so that no object is
 * shared between nodes.
 */
export class SimNetwork {
  faults: NetworkFaults = () => ({ kind: 'none' });
  /** How long a sender waits for an answer that does not come. */
  giveUpMs = 300;
  /** How many messages were sent. */
  messages = 0;
  private readonly time: VirtualTime;
  private readonly receivers = new Map<string, ForwardReceiver>();

  constructor(time: VirtualTime) {
    this.time = time;
  }

  /** A process begins to listen. */
  listen(instance: string, receiver: ForwardReceiver): void {
    this.receivers.set(instance, receiver);
  }

  /** A process is gone: connections to it are refused. */
  unlisten(instance: string): void {
    this.receivers.delete(instance);
  }

  /** A node's way to its peers. */
  peersOf(from: NodeInfo): Peers {
    return {
      forward: (to, message) => this.forward(from, to, message),
      close: () => Promise.resolve(),
    };
  }

  private async forward(from: NodeInfo, to: NodeInfo, message: ForwardMessage): Promise<ForwardReply> {
    const { time } = this;
    this.messages += 1;
    const { kind, thereMs = 0, backMs = 0, lateMs = 0 } = this.faults(from, message);
    await time.sleep(thereMs);
    switch (kind) {
      case 'none': {
        const reply = await this.deliver(to, message);
        await time.sleep(backMs);
        return reply;
      }
      case 'twice': {
        time.after(lateMs, () => void this.deliverUnheard(to, message));
        const reply = await this.deliver(to, message);
        await time.sleep(backMs);
        if (reply.status === 'done' && reply.outcomes.every(({ status }) => status === 'done')) return reply;
        break;
      }
      case 'reply-lost':
        void this.deliverUnheard(to, message);
        break;
      case 'late':
        time.after(this.giveUpMs + lateMs, () => void this.deliverUnheard(to, message));
        break;
      case 'lost':
        break;
    }
    await time.sleep(this.giveUpMs);
    throw new PeerUnreachableError(`${to.id} says nothing`, false);
  }

  private async deliver(to: NodeInfo, message: ForwardMessage): Promise<ForwardReply> {
    const receiver = this.receivers.get(to.instance);
    if (receiver === undefined) throw new PeerUnreachableError(`${to.id} refuses connections`, true);
    const reply = structuredClone(await receiver(structuredClone(message)));
    // A process that ended meanwhile answers nothing.
    if (this.receivers.get(to.instance) !== receiver) {
      throw new PeerUnreachableError(`the connection to ${to.id} broke`, true);
    }
    return reply;
  }

  private async deliverUnheard(to: NodeInfo, message: ForwardMessage): Promise<void> {
    try {
      await this.deliver(to, message);
    } catch (error) {
      if (!(error instanceof PeerUnreachableError)) throw error;
    }
  }
}
