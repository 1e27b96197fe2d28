import type { ByteStream } from '../net/byte-stream.ts';
import { Tunnel } from '../websocket/tunnel.ts';
import type { AnswerSender } from './answer-sender.ts';
import type { ClientRequests } from './client-requests.ts';
import type { Exchange } from './exchange.ts';
import type { HttpListener } from './http-listener.ts';
import type { ResponseHead } from './response-head.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Whose request it was that switched to another protocol. */
export interface Switched {
  readonly listener: HttpListener;
  readonly client: ByteStream;
  readonly requests: ClientRequests;
  readonly answer: AnswerSender;
  readonly exchange: Exchange;
  readonly connection: UpstreamConnection;
  /** What it has sent of the new protocol. */
  readonly fromClient: Buffer | undefined;
}

/** The server's answer, and in [from, to) what it has sent of the new protocol. */
export interface SwitchAnswer {
  readonly head: ResponseHead;
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Passes the answer on; both sockets belong to the tunnel from then on. `onClosed` runs when it is over; closing the client's is left to it. */
export function openTunnel(switched: Switched, switchAnswer: SwitchAnswer, onClosed: () => void): Tunnel {
  const { listener, client, requests, answer, exchange, connection, fromClient } = switched;
  const { head, bytes, from, to } = switchAnswer;
  const server = exchange.server!;
  answer.begin(head, false, exchange);
  answer.sendHead(head, bytes, from, from, true, false);
  requests.onAnswer(0);
  requests.settleUpgrade();
  listener.context.heads.giveBack(exchange.takeHead());
  exchange.closeOwn();
  client.disableNagle();
  const isWebSocket = exchange.upgrade === 'websocket';
  if (isWebSocket) listener.webSockets++;
  const tunnel = new Tunnel(
    { context: listener.context, timeouts: listener.tunnelTimeouts, client, connection },
    { maxMessageBytes: isWebSocket ? listener.config.limits.webSocketMessageBytes : undefined },
    () => {
      if (isWebSocket) listener.webSockets--;
      server.onTunnelClosed();
      requests.onTunnelOver(tunnel);
      requests.log(undefined, 101, 'ok');
      onClosed();
    },
  );
  tunnel.start(bytes.subarray(from, to), fromClient);
  return tunnel;
}
