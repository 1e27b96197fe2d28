import type { ANSWER_VARIABLES, Variable } from '../../config/route-config.ts';
import type { LogClient } from '../access-log/log-format.ts';
import type { RouteRequest } from '../route/route-request.ts';
import type { ClientFacts } from './client-facts.ts';
import type { Origin } from './forwarded-chain.ts';
import type { Forwarding } from './forwarding.ts';
import type { RequestHead } from './request-head.ts';

/** Values of the variables of answers that are known when the request is there. */
export type AnswerValues = Readonly<Record<Exclude<(typeof ANSWER_VARIABLES)[number], 'server'>, string>>;

export interface RequestViewOptions {
  readonly listener: string;
  readonly scheme: 'http' | 'https';
  /** Stands for `Host` where an HTTP/1.0 client sent none. */
  readonly fallbackHost: string;
}

/**
 * A request head as text, for routes and edits; each part is made when it is first asked for, and one object serves a whole listener. Good
 * until the next head is parsed.
 */
export class RequestView implements RouteRequest {
  client!: ClientFacts;
  backend = '';
  /** It came as TLS early data. */
  isEarly = false;
  private readonly forwarding: Forwarding;
  private readonly random: () => number;
  private readonly options: RequestViewOptions;
  private head!: RequestHead;
  private bytes!: Buffer;
  private hostText: string | undefined = undefined;
  private pathText: string | undefined = undefined;
  private id: string | undefined = undefined;
  private told: Origin | undefined = undefined;
  private parameters: URLSearchParams | undefined = undefined;

  constructor(deps: { readonly forwarding: Forwarding; readonly random: () => number }, options: RequestViewOptions) {
    this.forwarding = deps.forwarding;
    this.random = deps.random;
    this.options = options;
  }

  reset(head: RequestHead, bytes: Buffer, client: ClientFacts, isEarly = false): void {
    this.isEarly = isEarly;
    this.head = head;
    this.bytes = bytes;
    this.client = client;
    this.backend = '';
    this.hostText = undefined;
    this.pathText = undefined;
    this.id = undefined;
    this.told = undefined;
    this.parameters = undefined;
  }

  get host(): string {
    this.hostText ??= this.authority.toLowerCase();
    return this.hostText;
  }

  /** The host as the client wrote it. */
  get authority(): string {
    return this.bytes.latin1Slice(this.head.hostStart, this.head.hostEnd);
  }

  /** As `authority`, and never empty. */
  get hostForUrl(): string {
    return this.authority || this.options.fallbackHost;
  }

  get path(): string {
    const { head } = this;
    this.pathText ??= this.bytes.latin1Slice(head.targetStart, head.pathEnd) || '/';
    return this.pathText;
  }

  /** With its question mark, or empty. */
  get query(): string {
    return this.bytes.latin1Slice(this.head.pathEnd, this.head.targetEnd);
  }

  get method(): string {
    return this.bytes.latin1Slice(this.head.methodStart, this.head.methodEnd);
  }

  get isOld(): boolean {
    return this.head.isOld;
  }

  /** Of the connection itself, whatever proxies say. */
  get connectionScheme(): 'http' | 'https' {
    return this.options.scheme;
  }

  get scheme(): 'http' | 'https' {
    return this.findOrigin()?.scheme ?? this.options.scheme;
  }

  /** The client's, as trusted proxies tell it; else the peer's. */
  get clientAddress(): string {
    return this.findOrigin()?.address ?? this.client.address;
  }

  /** 0 where a trusted proxy told the address, and with it no port. */
  get clientPort(): number {
    return this.findOrigin() === undefined ? this.client.port : 0;
  }

  get origin(): LogClient {
    return { address: this.clientAddress, port: this.clientPort, json: undefined };
  }

  private findOrigin(): Origin | undefined {
    if (!this.client.isTrusted) return undefined;
    this.told ??= this.forwarding.originOf(this);
    return this.told;
  }

  /** The one that came with the request of a trusted proxy, or a new one. */
  get requestId(): string {
    if (this.id === undefined) {
      const name = this.forwarding.requestIdName;
      const given = name !== undefined && this.client.isTrusted ? this.header(name) : undefined;
      this.id = given || createRequestId(this.random);
    }
    return this.id;
  }

  header(name: string): string | undefined {
    const { fields } = this.head;
    let text: string | undefined;
    for (let i = 0; i < fields.count; i++) {
      if (!fields.nameIs(this.bytes, i, name)) continue;
      const value = fields.value(this.bytes, i);
      text = text === undefined ? value : `${text}, ${value}`;
    }
    return text;
  }

  parameter(name: string): string | undefined {
    this.parameters ??= new URLSearchParams(this.query);
    return this.parameters.get(name) ?? undefined;
  }

  /** What answers may name, as it is now; the server is not known yet. */
  capture(): AnswerValues {
    const { clientAddress, clientPort, scheme, backend, requestId, options } = this;
    return {
      client_address: clientAddress,
      client_port: String(clientPort),
      scheme,
      listener: options.listener,
      backend,
      request_id: requestId,
    };
  }

  readonly lookup = (variable: Variable): string => {
    switch (variable) {
      case 'client_address':
        return this.clientAddress;
      case 'client_port':
        return String(this.clientPort);
      case 'scheme':
        return this.scheme;
      case 'listener':
        return this.options.listener;
      case 'backend':
        return this.backend;
      case 'request_id':
        return this.requestId;
      case 'host':
        return this.authority;
      case 'method':
        return this.method;
      case 'path':
        return this.path;
      case 'query':
        return this.query;
      case 'server':
        return ''; // not chosen yet; the config allows it in answers only
      default:
        return variable satisfies never;
    }
  };
}

/** 128 random bits in hexadecimal, as long as a W3C trace id. */
function createRequestId(random: () => number): string {
  let id = '';
  for (let i = 0; i < 4; i++)
    id += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return id;
}
