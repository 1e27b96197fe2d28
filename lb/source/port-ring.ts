const FIRST_CAPACITY = 16;

/** A queue of port numbers, first in first out, two bytes each; it doubles when full and allocates nothing else. */
export class PortRing {
  length = 0;
  private ports = new Uint16Array(FIRST_CAPACITY);
  private head = 0;

  push(port: number): void {
    if (this.length === this.ports.length) this.grow();
    this.ports[(this.head + this.length++) & (this.ports.length - 1)] = port;
  }

  /** Only when `length` > 0. */
  shift(): number {
    const port = this.ports[this.head]!;
    this.head = (this.head + 1) & (this.ports.length - 1);
    this.length--;
    return port;
  }

  private grow(): void {
    const larger = new Uint16Array(this.ports.length * 2);
    for (let i = 0; i < this.length; i++) larger[i] = this.ports[(this.head + i) & (this.ports.length - 1)]!;
    this.ports = larger;
    this.head = 0;
  }
}

/** Ports that rest for one fixed time each, so that the first in is the first ready. Six bytes a port. */
export class RestingPorts {
  private readonly ports = new PortRing();
  private readyAt = new Uint32Array(FIRST_CAPACITY);
  private head = 0;
  private readonly restMs: number;

  constructor(restMs: number) {
    this.restMs = restMs;
  }

  get length(): number {
    return this.ports.length;
  }

  push(port: number, nowMs: number): void {
    if (this.ports.length === this.readyAt.length) this.grow();
    this.readyAt[(this.head + this.ports.length) & (this.readyAt.length - 1)] = Math.ceil(nowMs + this.restMs) >>> 0;
    this.ports.push(port);
  }

  /** A port that has rested long enough, or -1. */
  shiftReady(nowMs: number): number {
    // The difference, as a signed number, survives the wrap of the 32-bit millisecond count after 49 days.
    if (this.ports.length === 0 || ((Math.floor(nowMs) >>> 0) - this.readyAt[this.head]!) >> 0 < 0) return -1;
    this.head = (this.head + 1) & (this.readyAt.length - 1);
    return this.ports.shift();
  }

  private grow(): void {
    const larger = new Uint32Array(this.readyAt.length * 2);
    for (let i = 0; i < this.ports.length; i++) larger[i] = this.readyAt[(this.head + i) & (this.readyAt.length - 1)]!;
    this.readyAt = larger;
    this.head = 0;
  }
}
