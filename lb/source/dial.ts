import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import { localShortage } from '../net/local-shortage.ts';
import type { TcpNetwork, TcpStream } from '../net/tcp-stream.ts';
import type { OutgoingTls } from '../tls/outgoing-tls.ts';
import type { LeaseEnd } from './lease-pool.ts';
import type { ServerPorts } from './server-ports.ts';

/** Local addresses tried for one connection before the shortage is called one. */
const MAX_ADDRESS_TRIES = 32;

/** Why a connection to a server did not come about. */
export type ConnectFailure =
  /** `code` is an errno name or `TIMEOUT`. */
  | { readonly kind: 'connect'; readonly code: string }
  /** This host has no source port or no descriptor left for it. Says nothing about the server. */
  | { readonly kind: 'exhausted'; readonly what: 'port' | 'descriptor' };

/** A connection that is being opened. */
export interface Dialler {
  /** Changed for another one while the kernel refuses ports; -1 when there is none. */
  lease: number;
  /** Ends the attempt. */
  giveUp: (() => void) | undefined;
  /** TCP is there: what goes before everything else, in the clear, is sent now. */
  onDialled(stream: TcpStream): void;
  /** It can be used; by TLS, where there is any. */
  onConnected(stream: ByteStream): void;
  onDialFailed(failure: ConnectFailure, end: LeaseEnd): void;
}

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly ports: ServerPorts;
  connectsTotal: number;
}

/**
 * Connects from the address and port that are leased; the stream belongs to `owner`. Ports that the kernel refuses are changed for others:
 * they are a shortage of this host and say nothing of the server.
 */
export function dial(
  dialler: Dialler,
  {
    target,
    tls,
    network,
  }: { readonly target: DialTarget; readonly tls: OutgoingTls | undefined; readonly network: TcpNetwork },
  owner: StreamOwner,
  triesLeft = MAX_ADDRESS_TRIES,
): void {
  const { ports } = target;
  target.connectsTotal++;
  dialler.giveUp = network.connect(
    ports.local(dialler.lease),
    target.host,
    target.port,
    owner,
    (stream, error, isAddressGone) => {
      if (stream !== undefined) {
        dialler.onDialled(stream);
        if (tls === undefined) dialler.onConnected(stream);
        else secure(dialler, tls, stream, owner);
        return;
      }
      const shortage = localShortage(error);
      if (shortage === 'port') {
        if (isAddressGone) ports.loseSource(dialler.lease);
        else ports.setAside(dialler.lease);
        dialler.lease = triesLeft > 0 ? ports.lease() : -1;
        if (dialler.lease >= 0) dial(dialler, { target, tls, network }, owner, triesLeft - 1);
        else dialler.onDialFailed({ kind: 'exhausted', what: 'port' }, 'unused');
      } else if (shortage === 'descriptor') {
        dialler.onDialFailed({ kind: 'exhausted', what: 'descriptor' }, 'unused');
      } else {
        dialler.onDialFailed({ kind: 'connect', code: error }, 'unused');
      }
    },
  );
}

/** The time limit of the connection goes on. */
function secure(dialler: Dialler, tls: OutgoingTls, tcp: TcpStream, owner: StreamOwner): void {
  dialler.giveUp = tls.secure(tcp, owner, (stream) => {
    if (stream !== undefined) dialler.onConnected(stream);
    else dialler.onDialFailed({ kind: 'connect', code: 'TLS' }, 'closed');
  });
}
