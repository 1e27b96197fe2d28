import type { TcpStream } from '../net/tcp-stream.ts';
import { ClientFacts } from './client-facts.ts';
import type { Exchange } from './exchange.ts';
import { hashKey } from './hash-key.ts';
import type { HttpListener } from './http-listener.ts';
import { writeEditedRequestHead } from './request-edits.ts';
import type { RequestHead } from './request-head.ts';
import type { RequestView } from './request-view.ts';
import { writeRequestHead } from './request-writer.ts';
import type { Target } from './route-targets.ts';

/** The other end of one client connection, as servers are told of it. */
export class Peer {
  private readonly listener: HttpListener;
  private readonly stream: TcpStream;
  private known: ClientFacts | undefined = undefined;
  /** `X-Forwarded-For` and the rest, up to the host. */
  private forwarded: string | undefined = undefined;

  constructor(listener: HttpListener, stream: TcpStream) {
    this.listener = listener;
    this.stream = stream;
  }

  get facts(): ClientFacts {
    this.known ??= new ClientFacts(this.stream, this.listener.forwarding);
    return this.known;
  }

  look(head: RequestHead, bytes: Buffer): RequestView {
    const { view } = this.listener;
    view.reset(head, bytes, this.facts);
    return view;
  }

  /** Readies the exchange for `target`: the head for the server, and what its choice depends on. `view`: the one of `look`, if it looked. */
  prepare(
    exchange: Exchange,
    head: RequestHead,
    bytes: Buffer,
    headEnd: number,
    { backend, hash, requestEdits }: Target,
    view: RequestView | undefined,
  ): void {
    if (hash !== undefined)
      exchange.hashKey = hashKey(hash, head, bytes, () => view?.clientAddress ?? this.facts.address);
    const { context, fallbackHost, scheme } = this.listener;
    if (view !== undefined) view.backend = backend.name;
    if (requestEdits !== undefined) {
      writeEditedRequestHead(context.heads, exchange, head, bytes, headEnd, view!, requestEdits);
      return;
    }
    this.forwarded ??= `X-Forwarded-For: ${this.facts.address}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: `;
    writeRequestHead(context.heads, exchange, head, bytes, headEnd, this.forwarded, fallbackHost);
  }
}
