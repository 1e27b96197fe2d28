import { BlockList, isIPv6 } from 'node:net';
import type { ForwardingConfig } from '../../config/config.ts';
import type { HeaderEdits } from '../../config/route-config.ts';
import {
  findOrigin,
  forwardedElement,
  type Origin,
  parseForwarded,
  parseScheme,
  parseXForwardedFor,
} from './forwarded-chain.ts';
import type { RequestView } from './request-view.ts';

const NO_EDITS: HeaderEdits = { remove: [], set: [], add: [] };

/** One header field to write. */
export interface FieldLine {
  readonly name: string;
  readonly value: string;
}

/**
 * Fields by which proxies tell where a request came from. What a peer claims in them is dropped, unless that peer is a trusted proxy: then
 * its word is kept, and this hop is added.
 */
export class Forwarding {
  /** The plain case: `X-Forwarded-*` and nothing else, for peers that are all strangers. */
  readonly isPlain: boolean;
  /** In lower case. */
  readonly requestIdName: string | undefined;
  /** In lower case: tells servers the name in the client's certificate. */
  readonly certificateName: string | undefined;
  private readonly certificateField: string | undefined;
  private readonly config: ForwardingConfig;
  private readonly trusted: BlockList | undefined;

  /** `certificateField`: name of the field for the subject of a client's certificate. */
  constructor(config: ForwardingConfig, certificateField?: string) {
    this.config = config;
    this.certificateField = certificateField;
    this.certificateName = certificateField?.toLowerCase();
    const { trusted, style, via, requestId } = config;
    const isUsual = trusted.length === 0 && style === 'x-forwarded' && !via;
    this.isPlain = isUsual && requestId === undefined && certificateField === undefined;
    this.requestIdName = requestId?.toLowerCase();
    if (trusted.length === 0) return;
    this.trusted = new BlockList();
    for (const { address, prefix } of trusted) this.trusted.addSubnet(address, prefix, familyOf(address));
  }

  /** The changes to answers of a route that has `edits`. */
  answerEdits(edits: HeaderEdits | undefined): HeaderEdits | undefined {
    if (!this.config.via) return edits;
    const { remove, set, add } = edits ?? NO_EDITS;
    return { remove, set, add: [...add, { name: 'Via', value: ['1.1 portico'] }] };
  }

  readonly isTrusted = (address: string): boolean => this.trusted?.check(address, familyOf(address)) === true;

  /** What trusted proxies say of the client; undefined where they say nothing. Only for a request of a trusted peer. */
  originOf(view: RequestView): Origin | undefined {
    const { style } = this.config;
    const chain = style === 'forwarded' ? undefined : view.header('x-forwarded-for');
    if (chain !== undefined) {
      const origin = findOrigin(parseXForwardedFor(chain), this.isTrusted);
      const proto = view.header('x-forwarded-proto')?.split(',').at(-1)?.trim();
      return origin && { ...origin, scheme: proto === undefined ? undefined : parseScheme(proto) };
    }
    const forwarded = style === 'forwarded' || style === 'both' ? view.header('forwarded') : undefined;
    return forwarded === undefined ? undefined : findOrigin(parseForwarded(forwarded), this.isTrusted);
  }

  /** The fields for the server. The parser has dropped those that came; the words of a trusted peer are read from them. */
  fieldsFor(view: RequestView): readonly FieldLine[] {
    const { style, via, requestId } = this.config;
    const { client, connectionScheme } = view;
    const { address, isTrusted } = client;
    const given = (name: string): string | undefined => (isTrusted ? view.header(name) : undefined);
    const lines: FieldLine[] = [];
    const write = (name: string, value: string | undefined): void => {
      if (value !== undefined) lines.push({ name, value });
    };
    const after = (chain: string | undefined, own: string): string => (chain ? `${chain}, ${own}` : own);
    if (style === 'x-forwarded' || style === 'both') {
      write('X-Forwarded-For', after(given('x-forwarded-for'), address));
      write('X-Forwarded-Proto', given('x-forwarded-proto') ?? connectionScheme);
      write('X-Forwarded-Host', given('x-forwarded-host') ?? view.authority);
      write('X-Forwarded-Port', given('x-forwarded-port'));
    }
    if (style === 'forwarded' || style === 'both') {
      write('Forwarded', after(given('forwarded'), forwardedElement(address, view.authority, connectionScheme)));
    }
    write('Early-Data', view.isEarly || given('early-data')?.trim() === '1' ? '1' : undefined);
    if (this.certificateField !== undefined) write(this.certificateField, client.tls?.peerName || undefined);
    if (via) write('Via', `${view.isOld ? '1.0' : '1.1'} portico`);
    if (requestId !== undefined) write(requestId, view.requestId);
    return lines;
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
