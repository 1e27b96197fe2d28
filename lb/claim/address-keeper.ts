import type { Clock, Timer } from '../clock.ts';
import { IpHost } from '../netlink/ip-host.ts';
import { NetlinkUnavailableError } from '../netlink/load-netlink.ts';
import { Notices } from '../netlink/notices.ts';
import type { InterfaceAddress, Link } from '../netlink/rtnetlink.ts';
import { isLoopbackAddress } from '../source/tcp-settings.ts';
import { AddressClaimer, OUR_TAG } from './address-claimer.ts';
import type { AddressState, KeptAddress } from './address-state.ts';
import { announceAddresses } from './announce-addresses.ts';
import { ClaimError } from './claim-error.ts';
import { ClaimLock } from './claim-lock.ts';

/** Notices come in bursts: the first one is answered after this, together with those that came meanwhile. */
const SETTLE_MS = 20;
/** The kernel's notices can get lost, and this is how long that may matter. */
const RESYNC_MS = 30_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;
/** An address that has stayed for so long starts again with the first delay. */
const STABLE_MS = 60_000;

export interface AddressKeeperDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** The first state of each address, and every one that differs from the one before. */
  readonly onState: (kept: KeptAddress, state: AddressState) => void;
  /** Something that an operator should know and that stops nothing. */
  readonly onNotice: (message: string) => void;
}

interface Entry {
  readonly kept: KeptAddress;
  state: AddressState | undefined;
  /** Lost, and to be claimed again from then on. */
  retryAtMs: number;
  retryDelayMs: number;
  readySinceMs: number;
}

/**
 * Keeps source addresses on this host: claims those that are to be claimed, and says of all whether they can be connected from. Loopback
 * addresses that are not claimed are always there. Touches no address but those it was given and those that a former run of ours left on
 * the same interfaces; removes only what bears our tag.
 */
export class AddressKeeper {
  readonly counters = { claimed: 0, conflicts: 0, lost: 0, reclaimed: 0, resyncs: 0 };
  private readonly deps: AddressKeeperDeps;
  private readonly entries = new Map<string, Entry>();
  private readonly locks = new Map<string, ClaimLock>();
  private host: IpHost | undefined = undefined;
  private notices: Notices | undefined = undefined;
  private settling: Timer | undefined = undefined;
  private resyncing: Timer | undefined = undefined;
  /** One change at a time: each starts from what the kernel has then. */
  private turn: Promise<unknown> = Promise.resolve();
  private isStopped = false;

  constructor(deps: AddressKeeperDeps, options: { readonly addresses: readonly KeptAddress[] }) {
    this.deps = deps;
    for (const kept of options.addresses) this.enter(kept);
  }

  private enter(kept: KeptAddress): Entry {
    const entry = { kept, state: undefined, retryAtMs: 0, retryDelayMs: FIRST_RETRY_MS, readySinceMs: 0 };
    this.entries.set(keyOf(kept), entry);
    return entry;
  }

  /** Resolves when the state of every address is known. Throws ClaimError; nothing is left claimed or locked then. */
  async start(): Promise<void> {
    try {
      await this.inTurn(() => this.bringUp([...this.entries.values()], true));
    } catch (error) {
      await this.end(() => true);
      throw error;
    }
  }

  /** One more, at run time. Never rejects: what stands in the way is the state. */
  async add(kept: KeptAddress): Promise<AddressState> {
    const [state] = await this.addAll([kept]);
    return state!;
  }

  /** Several more at once, as `add` does one. */
  async addAll(kept: readonly KeptAddress[]): Promise<readonly AddressState[]> {
    const entries = kept.map((each) => this.enter(each));
    try {
      await this.inTurn(() => this.bringUp(entries, false));
    } catch (error) {
      for (const entry of entries) this.set(entry, { kind: 'refused', reason: (error as Error).message });
    }
    return entries.map(({ state }) => state ?? { kind: 'lost', reason: 'Portico is stopping' });
  }

  /** What is known of an address; undefined for one that is not kept. */
  stateOf(kept: Pick<KeptAddress, 'pool' | 'address'>): AddressState | undefined {
    return this.entries.get(keyOf(kept))?.state;
  }

  /** Takes it off the interface, if it was claimed, and forgets it. */
  remove(kept: KeptAddress): Promise<void> {
    return this.inTurn(async () => {
      this.entries.delete(keyOf(kept));
      if (kept.claim) await this.release((address) => address === kept.address);
    });
  }

  /** Removes what we added, but for what is to stay. Idempotent. */
  stop(): Promise<void> {
    return this.end(({ staysAtStop = false }) => !staysAtStop);
  }

  /** The addresses stay, for another process that takes them over. Idempotent. */
  letGo(): Promise<void> {
    return this.end(() => false);
  }

  private async end(isLetGo: (kept: KeptAddress) => boolean): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    this.deps.clock.clear(this.settling);
    this.deps.clock.clear(this.resyncing);
    const claimed = [...this.entries.values()].filter(({ kept }) => kept.claim && isLetGo(kept));
    const ours = new Set(claimed.map(({ kept }) => kept.address));
    await this.turn;
    try {
      if (ours.size > 0 && this.locks.size > 0) await this.release((address) => ours.has(address));
    } finally {
      for (const lock of this.locks.values()) lock.release();
      this.notices?.stop();
      this.host?.close();
    }
  }

  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => {});
    return result;
  }

  private async bringUp(entries: readonly Entry[], isFirst: boolean): Promise<void> {
    const watched = entries.filter(({ kept }) => kept.claim || !isLoopbackAddress(kept.address));
    for (const entry of entries) if (!watched.includes(entry)) this.set(entry, { kind: 'ready' });
    if (watched.length === 0) return;
    const host = this.openHost(watched);
    if (host === undefined) {
      for (const entry of watched) this.set(entry, { kind: 'ready' });
      return;
    }
    await this.listen();
    const links = await host.links();
    const claimed = watched.filter(({ kept }) => kept.claim);
    const claims: (() => Promise<void>)[] = [];
    for (const name of new Set(claimed.map(({ kept }) => kept.interface))) {
      const link = links.find((each) => each.name === name);
      if (link === undefined) {
        throw new ClaimError(
          `there is no interface "${name}" to claim addresses on; there are: ${links.map((each) => each.name).join(', ')}.`,
        );
      }
      await this.lock(name);
      if (isFirst) await this.removeLeftovers(host, link);
      const own = claimed.filter(({ kept }) => kept.interface === name);
      claims.push(() => this.claimOn(host, link, own));
    }
    await Promise.all(claims.map((claim) => claim()));
    await this.look(host);
    this.resyncing ??= this.deps.clock.every(RESYNC_MS, () => this.lookSoon());
  }

  private openHost(watched: readonly Entry[]): IpHost | undefined {
    if (this.host !== undefined) return this.host;
    try {
      this.host = new IpHost();
      return this.host;
    } catch (error) {
      if (!(error instanceof NetlinkUnavailableError)) throw error;
      if (watched.some(({ kept }) => kept.claim)) throw new ClaimError(`addresses cannot be claimed: ${error.message}`);
      this.deps.onNotice(`source addresses are not watched: ${error.message}`);
      return undefined;
    }
  }

  private async listen(): Promise<void> {
    if (this.notices !== undefined) return;
    this.notices = new Notices({
      clock: this.deps.clock,
      onChange: () => this.lookSoon(),
      onLost: () => {
        this.counters.resyncs++;
        this.lookSoon();
      },
    });
    await this.notices.start();
  }

  private async lock(name: string): Promise<void> {
    if (this.locks.has(name)) return;
    const lock = new ClaimLock();
    const other = await lock.take(name);
    if (other !== undefined) {
      throw new ClaimError(
        `another Portico (${other.holder}) claims addresses on ${name}; stop it, or give this one another interface.`,
      );
    }
    this.locks.set(name, lock);
  }

  /** What a run of ours that was killed has left there, and the config does not name any more. */
  private async removeLeftovers(host: IpHost, link: Link): Promise<void> {
    const wanted = new Set([...this.entries.values()].map(({ kept }) => kept.address));
    const left = (await host.addresses()).filter(
      ({ index, tag, address }) => index === link.index && tag === OUR_TAG && !wanted.has(address),
    );
    await Promise.all(left.map(({ address }) => host.removeAddress(link.index, address)));
    if (left.length > 0) {
      this.deps.onNotice(`removed ${left.length} addresses from ${link.name} that an earlier run had left there`);
    }
  }

  /** IPv4 and IPv6 side by side: each asks in its own way and takes its own time. */
  private async claimOn(host: IpHost, link: Link, entries: readonly Entry[]): Promise<void> {
    const six = entries.filter(({ kept }) => kept.address.includes(':'));
    const four = entries.filter(({ kept }) => !kept.address.includes(':'));
    await Promise.all([four, six].map((some) => this.claimSome(host, link, some)));
  }

  private async claimSome(host: IpHost, link: Link, entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const { clock, onNotice } = this.deps;
    const claimer = new AddressClaimer({ host, clock });
    const results = await claimer.claim(
      link,
      entries.map(({ kept }) => kept.address),
    );
    const added: string[] = [];
    // It may have come up or gone down in the meantime.
    const isRunning = (await host.links()).some(({ index, isRunning: runs }) => index === link.index && runs);
    for (const entry of entries) {
      const { state, isAdded } = results.get(entry.kept.address)!;
      if (state.kind === 'refused') this.counters.conflicts++;
      else if (entry.state?.kind === 'lost') this.counters.reclaimed++;
      else this.counters.claimed++;
      if (isAdded) added.push(entry.kept.address);
      this.set(entry, state.kind === 'ready' && !isRunning ? isDown(link.name) : state);
    }
    if (link.hasNeighbours && isRunning) await announceAddresses({ host, onNotice }, link, added);
  }

  private set(entry: Entry, state: AddressState): void {
    const { clock, random, onState } = this.deps;
    const before = entry.state;
    if (before?.kind === state.kind && (state.kind === 'ready' || reasonOf(before) === state.reason)) return;
    entry.state = state;
    if (state.kind === 'ready') entry.readySinceMs = clock.now();
    if (state.kind === 'lost') {
      if (before?.kind === 'ready') this.counters.lost++;
      if (before?.kind === 'ready' && clock.now() - entry.readySinceMs >= STABLE_MS)
        entry.retryDelayMs = FIRST_RETRY_MS;
      this.putOff(entry, random());
    }
    onState(entry.kept, state);
  }

  private putOff(entry: Entry, drawn: number): void {
    const delayMs = entry.retryDelayMs * (0.75 + drawn / 2);
    entry.retryAtMs = this.deps.clock.now() + delayMs;
    entry.retryDelayMs = Math.min(LAST_RETRY_MS, entry.retryDelayMs * 2);
    this.deps.clock.after(delayMs + 1, () => this.lookSoon());
  }

  private lookSoon(): void {
    if (this.isStopped || this.settling !== undefined) return;
    this.settling = this.deps.clock.after(SETTLE_MS, () => {
      this.settling = undefined;
      const { host } = this;
      if (host === undefined) return;
      this.inTurn(() => this.look(host)).catch((error: Error) => {
        if (!this.isStopped) this.deps.onNotice(`source addresses could not be looked at: ${error.message}`);
      });
    });
  }

  /** Compares what should be with what is. */
  private async look(host: IpHost): Promise<void> {
    if (this.isStopped) return;
    const links = new Map((await host.links()).map((link) => [link.name, link]));
    const byIndex = new Map([...links.values()].map((link) => [link.index, link]));
    const present = new Map((await host.addresses()).map((entry) => [entry.address, entry]));
    const due = new Map<Link, Entry[]>();
    for (const entry of this.entries.values()) {
      const { kept, state } = entry;
      if (state?.kind === 'refused' || (!kept.claim && isLoopbackAddress(kept.address))) continue;
      const found = present.get(kept.address);
      const now = kept.claim
        ? claimedState(kept, links.get(kept.interface), found)
        : existingState(found === undefined ? undefined : byIndex.get(found.index));
      // An interface that is back has lost its IPv6 addresses, through no fault of theirs.
      if (state?.kind === 'lost' && state.reason !== reasonOf(now)) entry.retryAtMs = 0;
      this.set(entry, now);
      const link = links.get(kept.interface);
      const isMissing = kept.claim && now.kind === 'lost' && link?.isRunning === true && found === undefined;
      if (isMissing && this.deps.clock.now() >= entry.retryAtMs) due.set(link, [...(due.get(link) ?? []), entry]);
    }
    for (const [link, entries] of due) {
      for (const entry of entries) this.putOff(entry, this.deps.random());
      await this.claimOn(host, link, entries);
    }
  }

  private async release(isChosen: (address: string) => boolean): Promise<void> {
    const { host } = this;
    if (host === undefined) return;
    const ours = (await host.addresses()).filter(({ tag, address }) => tag === OUR_TAG && isChosen(address));
    await Promise.all(ours.map(({ index, address }) => host.removeAddress(index, address)));
  }
}

function claimedState(kept: KeptAddress, link: Link | undefined, found: InterfaceAddress | undefined): AddressState {
  if (link === undefined) return { kind: 'lost', reason: `interface ${kept.interface} is gone` };
  if (!link.isRunning) return isDown(link.name);
  if (found === undefined || found.index !== link.index || found.tag !== OUR_TAG)
    return { kind: 'lost', reason: `it was taken off ${link.name}` };
  return { kind: 'ready' };
}

function existingState(link: Link | undefined): AddressState {
  if (link === undefined) return { kind: 'lost', reason: 'it is not on this host; add it, or set claim to true' };
  return link.isRunning ? { kind: 'ready' } : isDown(link.name);
}

function isDown(name: string): AddressState {
  return { kind: 'lost', reason: `interface ${name} is down` };
}

function reasonOf(state: AddressState): string {
  return state.kind === 'ready' ? '' : state.reason;
}

function keyOf({ pool, address }: Pick<KeptAddress, 'pool' | 'address'>): string {
  return `${pool} ${address}`;
}
