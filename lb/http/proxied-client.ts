import type { StreamOwner } from '../net/byte-stream.ts';
import { EarlyBytes } from '../net/early-bytes.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import type { ProxiedAddresses } from '../proxy-protocol/proxied-addresses.ts';
import { readProxyHeader } from '../proxy-protocol/read-proxy-header.ts';
import { Expirable, type TimeoutList } from '../timeout-list.ts';

export interface ProxiedClientEvents {
  /** The header is there; without addresses the connection is the proxy's own. `rest`: what came after it, and is the next owner's. */
  onClient(stream: TcpStream, addresses: ProxiedAddresses | undefined, rest: Buffer): void;
  /** It is no header, it does not come, or the proxy is gone (then without a reason). The connection is closed. */
  onGone(client: ProxiedClient, reason: string | undefined): void;
}

/** A connection of a trusted proxy, until its PROXY header has said for whom it speaks. */
export class ProxiedClient extends Expirable implements StreamOwner {
  private readonly events: ProxiedClientEvents;
  readonly stream: TcpStream;
  private readonly early = new EarlyBytes();

  constructor(events: ProxiedClientEvents, open: (owner: StreamOwner) => TcpStream) {
    super();
    this.events = events;
    this.stream = open(this);
  }

  start(timeouts: TimeoutList, nowMs: number): void {
    timeouts.start(this, nowMs);
    this.stream.resume();
  }

  onRead(buffer: Buffer, length: number): void {
    const { early } = this;
    early.append(buffer, length);
    const header = readProxyHeader(early.view(), early.length);
    if (header.kind === 'incomplete') return;
    if (header.kind === 'malformed') {
      this.end('proxy-header');
      return;
    }
    early.consume(header.length);
    this.timeoutList?.cancel(this);
    this.events.onClient(this.stream, header.addresses, early.view());
    this.events.onGone(this, undefined);
  }

  onEnd(): void {
    this.end(undefined);
  }

  onError(): void {
    this.end(undefined);
  }

  /** Nothing is written. */
  onDrained(): void {}

  onTimeout(): void {
    this.end('proxy-header-timeout');
  }

  /** The specification asks for an end without an answer: nobody is known who could read one. */
  end(reason: string | undefined): void {
    this.timeoutList?.cancel(this);
    this.stream.reset();
    this.events.onGone(this, reason);
  }
}
