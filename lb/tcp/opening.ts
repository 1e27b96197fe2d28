import { EarlyBytes } from '../net/early-bytes.ts';
import type { ProxiedAddresses } from '../proxy-protocol/proxied-addresses.ts';
import { readProxyHeader } from '../proxy-protocol/read-proxy-header.ts';
import { ClientHelloReader } from './client-hello-reader.ts';

export interface OpeningOptions {
  /** The connection starts with a header of the PROXY protocol. */
  readonly hasProxyHeader: boolean;
  /** Then comes TLS, whose server name is wanted. */
  readonly wantsServerName: boolean;
}

export type OpeningVerdict =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly reason: 'proxy-header' | 'client-hello' };

const INCOMPLETE: OpeningVerdict = { kind: 'incomplete' };
const DONE: OpeningVerdict = { kind: 'done' };
const BAD_PROXY_HEADER: OpeningVerdict = { kind: 'refused', reason: 'proxy-header' };
const BAD_CLIENT_HELLO: OpeningVerdict = { kind: 'refused', reason: 'client-hello' };

/** Reads what has to be known of a client's first bytes before a server is chosen. Pure. */
export class Opening {
  /** What the server is to get; without the PROXY header. */
  readonly early = new EarlyBytes();
  /** From the PROXY header; undefined where it has none. */
  addresses: ProxiedAddresses | undefined = undefined;
  /** In lower case; '' where the client names none. */
  serverName = '';
  private wantsHeader: boolean;
  private readonly hello: ClientHelloReader | undefined;
  private looked = 0;

  constructor({ hasProxyHeader, wantsServerName }: OpeningOptions) {
    this.wantsHeader = hasProxyHeader;
    this.hello = wantsServerName ? new ClientHelloReader() : undefined;
  }

  /** Takes the first `length` bytes of `bytes`. Not to be called again after another verdict than `incomplete`. */
  push(bytes: Buffer, length: number): OpeningVerdict {
    this.early.append(bytes, length);
    if (this.wantsHeader) {
      const header = readProxyHeader(this.early.view(), this.early.length);
      if (header.kind === 'incomplete') return INCOMPLETE;
      if (header.kind === 'malformed') return BAD_PROXY_HEADER;
      this.wantsHeader = false;
      this.addresses = header.addresses;
      this.early.consume(header.length);
    }
    if (this.hello === undefined) return DONE;
    const verdict = this.hello.push(this.early.view(), this.looked, this.early.length);
    this.looked = this.early.length;
    if (verdict.kind === 'incomplete') return INCOMPLETE;
    if (verdict.kind === 'malformed') return BAD_CLIENT_HELLO;
    this.serverName = verdict.name;
    return DONE;
  }
}
