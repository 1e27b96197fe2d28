import type { ListenerLimits } from '../../config/limits-config.ts';
import type { Refusal } from './request-head.ts';

const TOO_MANY: Refusal = { status: 503, reason: 'too-many-connections' };
const TOO_MANY_OF_CLIENT: Refusal = { status: 429, reason: 'too-many-connections-of-client' };
/** An answer takes a moment to leave; so many connections may be there for that beyond the limit. */
const MAX_TURNED_AWAY = 256;
/** A client has no smaller part of IPv6 than a /64, and often the choice of all addresses in it. */
const IPV6_GROUPS = 4;

/** Which connections a listener takes: so many in all, and so many of one client address. Its caller tells it of each end. */
export class Admission {
  private limits: ListenerLimits;
  private readonly byClient = new Map<string, number>();
  private admitted = 0;
  private turnedAway = 0;

  constructor(limits: ListenerLimits) {
    this.limits = limits;
  }

  /** From now on; who is there stays. Those who came while clients were not counted never are. */
  configure(limits: ListenerLimits): void {
    this.limits = limits;
    if (!this.countsClients) this.byClient.clear();
  }

  /** False: there is no need for the address of a client. */
  get countsClients(): boolean {
    return this.limits.connectionsPerClient !== Number.POSITIVE_INFINITY;
  }

  /**
   * `client`: its address, where `countsClients`. A refusal is to be answered, and its connection closed; `reset`: not even that. What is
   * taken or refused has to be given back by `leave`, what is reset has not.
   */
  enter(client: string): 'taken' | 'reset' | Refusal {
    const refusal = this.refusalOf(client);
    if (refusal === undefined) {
      this.admitted++;
      if (this.countsClients) this.byClient.set(keyOf(client), this.countOf(client) + 1);
      return 'taken';
    }
    if (this.turnedAway === MAX_TURNED_AWAY) return 'reset';
    this.turnedAway++;
    return refusal;
  }

  leave(client: string, wasTaken: boolean): void {
    if (!wasTaken) {
      this.turnedAway--;
      return;
    }
    this.admitted--;
    if (!this.countsClients) return;
    const left = this.countOf(client) - 1;
    if (left > 0) this.byClient.set(keyOf(client), left);
    else this.byClient.delete(keyOf(client));
  }

  private refusalOf(client: string): Refusal | undefined {
    if (this.admitted >= this.limits.connections) return TOO_MANY;
    return this.countsClients && this.countOf(client) >= this.limits.connectionsPerClient
      ? TOO_MANY_OF_CLIENT
      : undefined;
  }

  private countOf(client: string): number {
    return this.byClient.get(keyOf(client)) ?? 0;
  }
}

/** IPv6 as the kernel writes it: at most one `::`, and IPv4 clients of an IPv6 socket as `::ffff:a.b.c.d`. */
function keyOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    while (groups.length + rest.length < 8) groups.push('0');
    groups.push(...rest);
  }
  return groups.slice(0, IPV6_GROUPS).join(':');
}
