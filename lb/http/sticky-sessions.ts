import { createHash, createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { StickyConfig } from '../../config/config.ts';
import { cookieValue } from './hash-key.ts';
import type { RequestHead } from './request-head.ts';
import type { Server } from './server.ts';

/** Keeps the requests of one session on one server. */
export interface StickySessions {
  /** What the request says of its session. */
  read(head: RequestHead, bytes: Buffer): string | undefined;
  find(session: string): Server | undefined;
  /** The request goes to `server`. Returns the line that tells the client, or ''. */
  settle(session: string | undefined, server: Server): string;
  /** Replaces the servers. */
  update(servers: readonly Server[]): void;
  /** Two planes that meet a new session at the same time have to send it to the same server: it is placed by a hash of it. */
  readonly placesByHash: boolean;
}

export function createStickySessions(config: StickyConfig): StickySessions {
  return config.by === 'cookie' ? new CookieSessions(config) : new HeaderSessions(config);
}

const TOKEN_BYTES = 12;

/**
 * By a cookie that names the server and is set with the first answer. All planes understand it, and after a restart too. The name is a
 * digest: it shows no address, and with a key nobody can work out which.
 */
class CookieSessions implements StickySessions {
  readonly placesByHash = false;
  private readonly config: Extract<StickyConfig, { by: 'cookie' }>;
  private readonly byToken = new Map<string, Server>();
  private readonly tokens = new Map<Server, string>();

  constructor(config: Extract<StickyConfig, { by: 'cookie' }>) {
    this.config = config;
  }

  read(head: RequestHead, bytes: Buffer): string | undefined {
    const { fields } = head;
    const at = fields.find(bytes, 'cookie');
    return at < 0 ? undefined : cookieValue(fields.value(bytes, at), this.config.name);
  }

  find(session: string): Server | undefined {
    return this.byToken.get(session);
  }

  settle(session: string | undefined, server: Server): string {
    const token = this.tokens.get(server);
    if (token === undefined || session === token) return '';
    const { name, isSecure, maxAgeMs } = this.config;
    const age = maxAgeMs === 0 ? '' : `; Max-Age=${Math.ceil(maxAgeMs / 1000)}`;
    return `Set-Cookie: ${name}=${token}; Path=/${age}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}\r\n`;
  }

  update(servers: readonly Server[]): void {
    this.byToken.clear();
    this.tokens.clear();
    for (const server of servers) {
      const token = this.tokenOf(server.id);
      this.tokens.set(server, token);
      this.byToken.set(token, server);
    }
  }

  private tokenOf(id: string): string {
    const { key } = this.config;
    const digest = key === undefined ? createHash('sha256') : createHmac('sha256', key);
    return digest.update(id).digest().subarray(0, TOKEN_BYTES).toString('base64url');
  }
}

/**
 * By a field that clients send with each request, and a table of where each went. Each plane has its own: they agree on new sessions, as
 * those are placed by a hash, but not on old ones that a plane meets for the first time after servers came or went.
 */
class HeaderSessions implements StickySessions {
  readonly placesByHash = true;
  private readonly name: string;
  private readonly table: LRUCache<string, string>;
  private byId = new Map<string, Server>();

  constructor({ name, entries, ttlMs }: Extract<StickyConfig, { by: 'header' }>) {
    this.name = name.toLowerCase();
    this.table = new LRUCache({ max: entries, ttl: ttlMs, updateAgeOnGet: true });
  }

  read(head: RequestHead, bytes: Buffer): string | undefined {
    const at = head.fields.find(bytes, this.name);
    return at < 0 ? undefined : head.fields.value(bytes, at);
  }

  find(session: string): Server | undefined {
    const id = this.table.get(session);
    return id === undefined ? undefined : this.byId.get(id);
  }

  settle(session: string | undefined, server: Server): string {
    if (session !== undefined) this.table.set(session, server.id);
    return '';
  }

  /** Those on a server that is gone are placed anew by the next `settle`. */
  update(servers: readonly Server[]): void {
    this.byId = new Map(servers.map((server) => [server.id, server]));
  }
}
