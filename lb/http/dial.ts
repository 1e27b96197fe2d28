import { localShortage } from '../net/local-shortage.ts';
import type { TcpNetwork, TcpStream } from '../net/tcp-stream.ts';
import type { OutgoingTls } from '../tls/outgoing-tls.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Local addresses tried for one connection before the shortage is called one. */
const MAX_ADDRESS_TRIES = 32;

/**
 * Connects from the address and port that the connection has leased. Those that the kernel refuses are changed for others: they are a
 * shortage of this host and say nothing of the server.
 */
export function dial(connection: UpstreamConnection, network: TcpNetwork, triesLeft = MAX_ADDRESS_TRIES): void {
  const { server } = connection;
  server.connectsTotal++;
  connection.giveUp = network.connect(
    server.ports.local(connection.lease),
    server.host,
    server.port,
    connection,
    (stream, error, isAddressGone) => {
      if (stream !== undefined) {
        if (connection.preface !== undefined) stream.write(connection.preface);
        const { tls } = server.options;
        if (tls === undefined) connection.onConnected(stream);
        else secure(connection, tls, stream);
      } else if (localShortage(error) === 'port') {
        if (isAddressGone) server.ports.loseSource(connection.lease);
        else server.ports.setAside(connection.lease);
        connection.lease = triesLeft > 0 ? server.ports.lease() : -1;
        if (connection.lease >= 0) dial(connection, network, triesLeft - 1);
        else connection.fail({ kind: 'exhausted', what: 'port' }, 'unused');
      } else if (localShortage(error) === 'descriptor') {
        connection.fail({ kind: 'exhausted', what: 'descriptor' }, 'unused');
      } else {
        server.connectFailuresTotal++;
        connection.fail({ kind: 'connect', code: error }, 'unused');
      }
    },
  );
}

/** The time limit of the connection goes on. */
function secure(connection: UpstreamConnection, tls: OutgoingTls, tcp: TcpStream): void {
  connection.giveUp = tls.secure(tcp, connection, (stream) => {
    if (stream !== undefined) {
      connection.onConnected(stream);
      return;
    }
    connection.server.connectFailuresTotal++;
    connection.fail({ kind: 'connect', code: 'TLS' }, 'closed');
  });
}
