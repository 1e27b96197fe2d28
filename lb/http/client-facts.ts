import type { LogClient } from '../access-log/log-format.ts';
import type { ByteStream } from '../net/byte-stream.ts';
import type { ProxiedEnd } from '../proxy-protocol/proxied-addresses.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import type { Forwarding } from './forwarding.ts';

/** The peer of one client connection: the client itself, or a proxy before it. */
export class ClientFacts implements LogClient {
  readonly address: string;
  readonly port: number;
  readonly isTrusted: boolean;
  json: Buffer | undefined = undefined;
  private readonly stream: ByteStream;

  /** `told`: who it is by the word of a trusted proxy, which stands for the peer then. */
  constructor(stream: ByteStream, told: ProxiedEnd | undefined, forwarding: Forwarding) {
    const { address, port } = told ?? stream.peer();
    // A socket of `::` names IPv4 peers as IPv6 addresses (RFC 4291 §2.5.5.2).
    this.address = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
    this.port = port;
    this.stream = stream;
    this.isTrusted = forwarding.isTrusted(this.address);
  }

  /** Not known before the handshake is over. */
  get tls(): TlsFacts | undefined {
    return this.stream.tls;
  }
}
