import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../ports/logger.ts';
import type { ForwardMessage, ForwardReply } from '../ports/peers.ts';
import {
  decodeForward,
  encodeForwardReply,
  FORWARD_BYTES_MAX,
  PEER_PATH,
  PEER_PROTOCOL,
} from './peer-protocol.ts';
import { showsBearer } from './bearer-token.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';

/** Takes in the requests that other nodes forward, on the node's HTTP port. */
export class PeerServer {
  private readonly server: WebSocketServer;
  private readonly token: string;
  private readonly accept: (message: ForwardMessage) => Promise<ForwardReply>;
  private readonly logger: Logger;

  constructor(options: {
    token: string;
    accept: (message: ForwardMessage) => Promise<ForwardReply>;
    logger: Logger;
  }) {
    this.token = options.token;
    this.accept = options.accept;
    this.logger = options.logger;
    this.server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: FORWARD_BYTES_MAX,
      handleProtocols: protocols => (protocols.has(PEER_PROTOCOL) ? PEER_PROTOCOL : false),
    });
  }

  /** Takes over an upgrade request meant for peers; `false` when it is not one. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (request.url !== PEER_PATH) return false;
    if (!showsBearer(request, this.token)) {
      refuseUpgrade(socket, '401 Unauthorized');
      return true;
    }
    this.server.handleUpgrade(request, socket, head, peer => this.serve(peer));
    return true;
  }

  close(): void {
    for (const peer of this.server.clients) peer.terminate();
    this.server.close();
  }

  private serve(peer: WebSocket): void {
    peer.on('error', error => this.logger.warn({ err: error }, 'peer connection failed'));
    peer.on('message', data => void this.answer(peer, (data as Buffer).toString('utf8')));
  }

  private async answer(peer: WebSocket, text: string): Promise<void> {
    try {
      const { id, message } = decodeForward(text);
      peer.send(encodeForwardReply(id, await this.accept(message)));
    } catch (error) {
      // The sender learns from the broken connection that it has no answer, and resolves that itself.
      this.logger.error({ err: error }, 'forward not understood');
      peer.terminate();
    }
  }
}
