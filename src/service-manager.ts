import { createRequire } from 'node:module';
import type { Clock, Timer } from '../lb/clock.ts';

const LIBRARY = 'libsystemd.so.0';
/** How long a message may take to be taken in, where the next step depends on it. */
const BARRIER_US = 2_000_000;

export interface ServiceManagerDeps {
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** CLOCK_MONOTONIC. */
  readonly monotonicUs: () => bigint;
  readonly onNotice: (message: string) => void;
}

type Send = (state: string) => void;

/**
 * What systemd is told of this process, by sd_notify(3). Does nothing where no service manager asks for it. libsystemd sends it: Node knows no
 * datagrams on Unix sockets, and what the command systemd-notify sends comes from a process that is not the main one.
 */
export class ServiceManager {
  private readonly deps: ServiceManagerDeps;
  private readonly send: Send;
  private readonly flush: () => void;
  private readonly watchdogMs: number;
  private beating: Timer | undefined = undefined;

  constructor(deps: ServiceManagerDeps) {
    this.deps = deps;
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog } = deps.env;
    const library = socket === undefined || socket === '' ? undefined : load(deps.onNotice);
    this.send = library?.send ?? (() => {});
    this.flush = library?.flush ?? (() => {});
    this.watchdogMs = library === undefined ? 0 : Number(watchdog ?? 0) / 1000;
  }

  /** Clients are served; also the end of `reloading`. */
  ready(): void {
    this.send('READY=1\nSTATUS=Serving');
    // Twice as often as it has to be, as sd_watchdog_enabled(3) advises.
    if (this.watchdogMs > 0) {
      this.beating ??= this.deps.clock.every(this.watchdogMs / 2, () => this.send('WATCHDOG=1'));
    }
  }

  reloading(what: string): void {
    this.send(`RELOADING=1\nMONOTONIC_USEC=${this.deps.monotonicUs()}\nSTATUS=${what}`);
  }

  /** It takes `timeoutMs` at most. */
  stopping(timeoutMs: number): void {
    this.send(`STOPPING=1\nEXTEND_TIMEOUT_USEC=${Math.ceil(timeoutMs * 1000)}\nSTATUS=Draining`);
  }

  /** Another process is the service from now on. It is known when this returns, so that the end of this one is not the end of the service. */
  handOver(pid: number): void {
    this.deps.clock.clear(this.beating);
    this.send(`MAINPID=${pid}\nREADY=1\nSTATUS=Serving`);
    this.flush();
  }
}

/** Whether `ready` would reach a service manager here. */
export function canNotify(): boolean {
  return load(() => {}) !== undefined;
}

function load(onNotice: (message: string) => void): { readonly send: Send; readonly flush: () => void } | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as {
      load(name: string): { func(prototype: string): (...args: readonly unknown[]) => number };
    };
    const library = koffi.load(LIBRARY);
    const notify = library.func('int sd_notify(int, const char*)');
    const barrier = library.func('int sd_notify_barrier(int, uint64_t)');
    return { send: (state) => void notify(0, state), flush: () => void barrier(0, BARRIER_US) };
  } catch (error) {
    onNotice(
      `systemd cannot be told that Portico is ready (${(error as Error).message}); run npm install without --omit=optional, or set Type=exec in the unit`,
    );
    return undefined;
  }
}
