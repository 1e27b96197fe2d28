import type { SourceChange, SourceCounters } from '../admin/admin-source.ts';
import type { Config, SourcePoolConfig } from '../config/config.ts';
import { AddressKeeper } from '../lb/claim/address-keeper.ts';
import type { Clock, Timer } from '../lb/clock.ts';
import type { AvoidedPorts, PlaneCommand, PlaneEvent, PortBlock, SourceUpdate } from '../lb/control/messages.ts';
import { readPortSettings } from '../lb/kernel/port-settings.ts';
import { openSocketDump, type SocketDump } from '../lb/netlink/socket-dump.ts';
import { BlockLedger } from '../lb/source/block-ledger.ts';
import type { LeasePool } from '../lb/source/lease-pool.ts';
import type { PortRun } from '../lb/source/port-block.ts';
import { PortBroker } from '../lb/source/port-broker.ts';
import { PortOwner } from '../lb/source/port-owner.ts';
import { SocketScan } from '../lb/source/socket-scan.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';
import { isLoopbackAddress, readQuarantineMs } from '../lb/source/tcp-settings.ts';
import { usableRanges } from '../lb/source/usable-ranges.ts';
import type { EventLog } from './event-log.ts';
import { type PoolChange, SourceRegistry, type SourceRegistryDeps } from './source-registry.ts';

/** The owner of the ports that health checks connect from. */
const HEALTH = 'health';
/** Checks are few at a time, and leave nothing in quarantine. */
const HEALTH_PORTS = 16;
/** What they keep while the planes have none left. */
const HEALTH_KEEPS = 4;
const TICK_MS = 500;
/** After which a plane may try an address again that it could not bind. */
const RETRY_LOST_MS = 1000;

export interface SourceServiceDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EventLog;
  readonly tellPlane: (plane: string, command: PlaneCommand) => void;
  readonly tellPlanes: (command: PlaneCommand) => void;
}

/** The primary's part in sources and ports: claims addresses, says which may be used, and moves ports between those who connect. */
export class SourceService {
  readonly ledger: BlockLedger;
  readonly broker: PortBroker;
  private readonly deps: SourceServiceDeps;
  private readonly registry: SourceRegistry;
  private readonly keeper: AddressKeeper;
  private readonly health: PortOwner;
  private readonly settings = readPortSettings();
  private pools: readonly SourcePoolConfig[];
  private uses: PoolUses;
  private dump: SocketDump | undefined = undefined;
  private scan: SocketScan | undefined = undefined;
  private ticking: Timer | undefined = undefined;

  constructor(deps: SourceServiceDeps, config: Config) {
    this.deps = deps;
    this.pools = config.sources;
    const { clock, random, log } = deps;
    const areAllLoopback = config.sources.every(({ addresses }) => addresses.every(isLoopbackAddress));
    this.ledger = new BlockLedger(deps, {
      pools: config.sources.map((pool) => ({
        name: pool.name,
        sources: pool.addresses.map((address) => ({ address, ranges: this.rangesOf(pool, address) })),
      })),
      quarantineMs: readQuarantineMs(areAllLoopback),
    });
    this.health = new PortOwner(
      { clock, send: (event) => this.handleHealth(event), quarantineMs: readQuarantineMs },
      { pools: config.sources, keeps: HEALTH_KEEPS },
    );
    this.broker = new PortBroker({
      clock,
      ledger: this.ledger,
      send: (owner, command) => this.tell(owner, command),
      broadcast: (command) => this.tellAll(command),
      onBeforeGrant: (pool) => this.serveChecks(pool),
    });
    this.uses = usesOf(config);
    const keeper: SourceRegistryDeps['keeper'] = {
      add: (kept) => this.keeper.add(kept),
      addAll: (kept) => this.keeper.addAll(kept),
      remove: (kept) => this.keeper.remove(kept),
      stateOf: (kept) => this.keeper.stateOf(kept),
    };
    this.registry = new SourceRegistry(
      {
        ledger: this.ledger,
        keeper,
        onChange: (update) => this.tellAll({ type: 'sources', sources: [update] }),
        onState: ({ pool, address, state }) => log.emit({ type: 'source-state', pool, address, state }),
        rangesOf: this.rangesOf,
        outlives: (pool) => this.uses.forwarded.has(pool),
        heldElsewhere: this.heldElsewhere,
      },
      config.sources,
    );
    this.keeper = new AddressKeeper(
      {
        clock,
        random,
        onState: (kept, state) => this.registry.onKept(kept, state),
        onNotice: (message) => log.emit({ type: 'notice', message }),
      },
      { addresses: this.registry.kept },
    );
  }

  private readonly rangesOf = (pool: SourcePoolConfig, address: string): readonly PortRun[] =>
    usableRanges(pool, address, this.settings);

  private readonly heldElsewhere = (pool: string, address: string): number => {
    const ownerOf = this.ledger.ownersOf(pool, address);
    const held = this.scan?.avoidedOf(pool, address).filter((port) => {
      const owner = ownerOf(port);
      return owner === undefined || owner === HEALTH;
    });
    return held?.length ?? 0;
  };

  /** Resolves when it is known of every address whether it can be used. Throws ClaimError; nothing is left claimed then. */
  async start(): Promise<void> {
    this.tellUseless();
    await this.keeper.start();
    await this.startScan();
    this.ticking = this.deps.clock.every(TICK_MS, () => {
      this.health.tick(this.deps.clock.now(), () => false);
      this.registry.releaseDrained();
    });
  }

  /** Claims what another config has and this one had not. Throws SourceRefusedError; all is as before then. */
  async prepare(config: Config): Promise<PoolChange> {
    const change = await this.registry.prepare(config.sources);
    const { pools, uses } = this;
    return {
      ...change,
      commit: () => {
        this.usePools(config.sources, usesOf(config));
        this.tellUseless();
        change.commit();
      },
      revert: () => {
        this.usePools(pools, uses);
        change.revert();
      },
    };
  }

  private usePools(pools: readonly SourcePoolConfig[], uses: PoolUses): void {
    this.pools = pools;
    this.uses = uses;
    this.health.configure(pools);
  }

  /** A pool without a single port serves nobody, and nothing else would say why. */
  private tellUseless(): void {
    const { local } = this.settings;
    for (const pool of this.pools) {
      if (pool.addresses.some((address) => this.rangesOf(pool, address).length > 0)) continue;
      this.deps.log.emit({
        type: 'notice',
        message: `source pool "${pool.name}" has no port that can be used: of addresses that are not claimed, ${local.low}-${local.high} is left to other programs (net.ipv4.ip_local_port_range); give it ports outside of that, "claim: true", or reserve some in net.ipv4.ip_local_reserved_ports and set "reserved_ports: use"`,
      });
    }
  }

  /** Where the kernel's sockets cannot be read, the map is what its owners know; ports that others hold are found by trying. */
  private async startScan(): Promise<void> {
    const { clock, log } = this.deps;
    try {
      this.dump = openSocketDump();
    } catch (error) {
      log.emit({ type: 'notice', message: `ports are not compared with the kernel: ${(error as Error).message}` });
      return;
    }
    this.scan = new SocketScan({
      clock,
      dump: this.dump,
      ledger: this.ledger,
      send: (owner, command) => this.tell(owner, command),
      broadcast: (command) => this.tellAll(command),
      reserved: (name) =>
        this.pools.find((pool) => pool.name === name)?.reservedPorts === 'avoid' ? this.settings.reserved : [],
      sources: () => this.registry.kept,
      onError: ({ message }) =>
        log.emit({ type: 'notice', message: `the kernel's sockets could not be read: ${message}` }),
    });
    await this.scan.start();
  }

  /** Lets all claimed addresses go. Idempotent. */
  stop(): Promise<void> {
    this.end();
    return this.keeper.stop();
  }

  /** Leaves all claimed addresses to another primary. */
  letGo(): Promise<void> {
    this.end();
    return this.keeper.letGo();
  }

  private end(): void {
    this.deps.clock.clear(this.ticking);
    this.ticking = undefined;
    this.broker.stop();
    this.scan?.stop();
    this.dump?.close();
  }

  private tell(owner: string, command: PlaneCommand): void {
    if (owner === HEALTH) this.tellHealth(command);
    else this.deps.tellPlane(owner, command);
  }

  private tellAll(command: PlaneCommand): void {
    this.tellHealth(command);
    this.deps.tellPlanes(command);
  }

  // Health checks are an owner of ports like any plane

  /** Where health checks lease the ports of that pool. */
  leasesOf(pool: string): LeasePool {
    return this.health.pools.get(pool)!;
  }

  private tellHealth(command: PlaneCommand): void {
    if (command.type === 'grant') this.health.grant(command.blocks);
    else if (command.type === 'sources') this.health.update(command.sources);
    else if (command.type === 'avoid') this.health.avoid(command.pool, command.address, command.ports);
    else if (command.type === 'wanted') this.health.setWanted(command.pool, command.isWanted);
    else if (command.type === 'audit-begin') this.health.beginAudit(command.pool);
    else if (command.type === 'audit') this.health.audit(command.pool, command.chunk);
    else if (command.type === 'audit-end') this.health.endAudit(command.pool, command.isWhole);
  }

  private handleHealth(event: PlaneEvent): void {
    if (event.type === 'low') this.handleHealthLow(event);
    else if (event.type === 'return') this.onReturn(HEALTH, event.blocks);
    else if (event.type === 'source-lost') this.onSourceLost(HEALTH, event.pool, event.address);
  }

  /** A server that nobody can check gets no connections: whoever takes all that there is leaves these. */
  private serveChecks(pool: string): void {
    if (!this.uses.checked.has(pool) || this.ledger.ownedBy(HEALTH).some((owned) => owned.pool === pool)) return;
    const granted = this.ledger.grantPorts(HEALTH, pool, HEALTH_PORTS);
    if (granted.length > 0) this.health.grant(granted);
  }

  private handleHealthLow({ pool, isStarved }: Extract<PlaneEvent, { readonly type: 'low' }>): void {
    const granted = this.ledger.grantPorts(HEALTH, pool, HEALTH_PORTS);
    if (granted.length > 0) this.health.grant(granted);
    // Without a port no server is ever found healthy: others have to give some back.
    else this.broker.onLow(HEALTH, pool, 0, isStarved);
  }

  // For the planes

  get updates(): readonly SourceUpdate[] {
    return this.registry.updates;
  }

  get avoided(): readonly AvoidedPorts[] {
    return this.scan?.avoided ?? [];
  }

  onReturn(owner: string, blocks: readonly PortBlock[]): void {
    this.broker.onReturn(owner, blocks);
    this.registry.releaseDrained();
  }

  /** An owner found that it cannot bind the address. Where that is still to be used, it may try again a little later. */
  onSourceLost(owner: string, pool: string, address: string): void {
    this.deps.clock.after(RETRY_LOST_MS, () => {
      const command: PlaneCommand = {
        type: 'sources',
        sources: [{ pool, address, state: this.registry.stateOf(pool, address) }],
      };
      this.tell(owner, command);
    });
  }

  // For the operator

  get statuses(): readonly SourceStatus[] {
    return this.registry.statuses;
  }

  /** What this process counted; the planes have a share in `drift` of their own. */
  get counters(): SourceCounters {
    const { claimed, conflicts, lost, reclaimed, resyncs } = this.keeper.counters;
    return {
      drift: { ...this.health.drift },
      claims: { claimed, refused: conflicts, lost, reclaimed, resync: resyncs },
    };
  }

  add(pool: string, address: string): Promise<SourceChange> {
    return this.registry.add(pool, address);
  }

  drain(pool: string, address: string): SourceChange {
    return this.registry.drain(pool, address);
  }
}

interface PoolUses {
  /** The pools that kernel listeners forward from. */
  readonly forwarded: ReadonlySet<string>;
  /** Those from which servers are checked. */
  readonly checked: ReadonlySet<string>;
}

function usesOf({ listeners, backends }: Config): PoolUses {
  const names = listeners
    .filter(({ engine }) => engine === 'kernel')
    .flatMap(({ routes }) => routes.map(({ backend }) => backend));
  return {
    forwarded: new Set(backends.filter(({ name }) => names.includes(name)).map(({ source }) => source)),
    checked: new Set(backends.filter(({ health }) => health !== undefined).map(({ source }) => source)),
  };
}
