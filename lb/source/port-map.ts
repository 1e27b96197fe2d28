import { BLOCK_PORTS } from './port-block.ts';
import { PortRing, RestingPorts } from './port-ring.ts';
import type { SourcePorts } from './source-ports.ts';

/** How long a port that the kernel refused is left alone: some other program holds it, and may let go. */
const ASIDE_MS = 60_000;

/**
 * The ports of one source towards one destination: never used, ready again, in use, in quarantine, set aside. Ports that were never used
 * towards this destination are taken from the source's blocks as they are needed, so memory grows with the ports touched.
 */
export class PortMap {
  used = 0;
  private readonly source: SourcePorts;
  private readonly ready = new PortRing();
  private readonly quarantine: RestingPorts;
  private readonly aside = new RestingPorts(ASIDE_MS);
  /** One bit a port in use, by block number. */
  private readonly inUse = new Map<number, Uint32Array>();
  private touched = 0;
  private blockIndex = 0;
  private nextPort = -1;

  constructor(source: SourcePorts, quarantineMs: number) {
    this.source = source;
    this.quarantine = new RestingPorts(quarantineMs);
  }

  /** Ports that `take` could give now. Those whose quarantine has run out count after `settle`. */
  get free(): number {
    return this.ready.length + this.source.owned - this.touched;
  }

  get quarantined(): number {
    return this.quarantine.length;
  }

  get unusable(): number {
    return this.aside.length;
  }

  /** Moves the ports whose time has come back to the free ones. */
  settle(nowMs: number): void {
    for (let port = this.quarantine.shiftReady(nowMs); port >= 0; port = this.quarantine.shiftReady(nowMs))
      this.ready.push(port);
    for (let port = this.aside.shiftReady(nowMs); port >= 0; port = this.aside.shiftReady(nowMs)) this.ready.push(port);
  }

  /** The free port that has not been used for longest, or -1. */
  take(): number {
    const port = this.takeFresh();
    const found = port >= 0 ? port : this.ready.length > 0 ? this.ready.shift() : -1;
    if (found < 0) return -1;
    this.used++;
    this.flip(found);
    return found;
  }

  private takeFresh(): number {
    const { blocks } = this.source;
    if (this.blockIndex >= blocks.length) return -1;
    const block = blocks[this.blockIndex]!;
    const port = this.nextPort < 0 ? block.first : this.nextPort;
    this.touched++;
    if (port === block.last) {
      this.blockIndex++;
      this.nextPort = -1;
    } else {
      this.nextPort = port + 1;
    }
    return port;
  }

  /** Gives a port back; false, and nothing else, if it was not in use. */
  release(port: number, needsQuarantine: boolean, nowMs: number): boolean {
    if (!this.clear(port)) return false;
    if (needsQuarantine) this.quarantine.push(port, nowMs);
    else this.ready.push(port);
    return true;
  }

  /** Like `release`, for a port that the kernel would not bind. */
  setAside(port: number, nowMs: number): boolean {
    if (!this.clear(port)) return false;
    this.aside.push(port, nowMs);
    return true;
  }

  private clear(port: number): boolean {
    const bits = this.inUse.get(port >>> 7);
    if (bits === undefined || (bits[(port & (BLOCK_PORTS - 1)) >>> 5]! & (1 << (port & 31))) === 0) return false;
    this.used--;
    this.flip(port);
    return true;
  }

  private flip(port: number): void {
    let bits = this.inUse.get(port >>> 7);
    if (bits === undefined) {
      bits = new Uint32Array(BLOCK_PORTS / 32);
      this.inUse.set(port >>> 7, bits);
    }
    bits[(port & (BLOCK_PORTS - 1)) >>> 5]! ^= 1 << (port & 31);
  }
}
