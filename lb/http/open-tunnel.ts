import type { ByteStream } from '../net/byte-stream.ts';
import { WebSocketTunnel } from '../websocket/tunnel.ts';
import type { HttpListener } from './http-listener.ts';
import type { Server } from './server.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** What the switch to another protocol leaves behind. */
export interface Switched {
  readonly listener: HttpListener;
  readonly client: ByteStream;
  readonly server: Server;
  readonly connection: UpstreamConnection;
  /** What each side has sent of the new protocol. */
  readonly fromServer: Buffer;
  readonly fromClient: Buffer | undefined;
}

/** Both sockets belong to the tunnel from now on. `onClosed` runs when it is over; closing the client's is left to it. */
export function openTunnel(switched: Switched, onClosed: (tunnel: WebSocketTunnel) => void): WebSocketTunnel {
  const { listener, client, server, connection, fromServer, fromClient } = switched;
  client.disableNagle();
  listener.webSockets++;
  const tunnel = new WebSocketTunnel(
    { context: listener.context, timeouts: listener.tunnelTimeouts, client, connection },
    { maxMessageBytes: listener.config.limits.webSocketMessageBytes },
    () => {
      listener.webSockets--;
      server.onTunnelClosed();
      onClosed(tunnel);
    },
  );
  tunnel.start(fromServer, fromClient);
  return tunnel;
}
