/** Where in a frame (RFC 6455 §5.2) the next byte belongs. */
const OPCODE = 0;
const LENGTH = 1;
const LONG_LENGTH = 2;
const MASK = 3;
const PAYLOAD = 4;

/** What a tunnel knows of the protocol in one direction. */
export interface FrameFollower {
  /** A frame may be put in here. */
  readonly isBetweenFrames: boolean;
  /** Takes the next bytes; false as soon as a message is longer than allowed. */
  scan(bytes: Uint8Array, from: number, to: number): boolean;
}

/** Of a protocol that is not known: nothing may be put in anywhere. */
export const NO_FRAMES: FrameFollower = { isBetweenFrames: false, scan: () => true };

/**
 * Follows the frames of one direction without touching their payload, to know how long messages are and where one frame ends and the
 * next may start. It allocates nothing: an idle WebSocket holds two of these.
 */
export class FrameScanner implements FrameFollower {
  private phase = OPCODE;
  private left = 0;
  private frameBytes = 0;
  private messageBytes = 0;
  private isControl = false;
  private isFinal = true;
  private isMasked = false;
  private readonly maxMessageBytes: number;

  constructor(maxMessageBytes: number) {
    this.maxMessageBytes = maxMessageBytes;
  }

  get isBetweenFrames(): boolean {
    return this.phase === OPCODE;
  }

  scan(bytes: Uint8Array, from: number, to: number): boolean {
    let i = from;
    while (i < to) {
      if (this.phase === PAYLOAD) {
        const take = Math.min(this.left, to - i);
        this.left -= take;
        i += take;
        if (this.left === 0) this.endFrame();
      } else if (!this.step(bytes[i++]!)) {
        return false;
      }
    }
    return true;
  }

  private step(byte: number): boolean {
    switch (this.phase) {
      case OPCODE:
        this.isFinal = (byte & 0x80) !== 0;
        this.isControl = (byte & 0x08) !== 0;
        this.phase = LENGTH;
        return true;
      case LENGTH: {
        this.isMasked = (byte & 0x80) !== 0;
        this.frameBytes = byte & 0x7f;
        if (this.frameBytes < 126) return this.endLength();
        this.left = this.frameBytes === 126 ? 2 : 8;
        this.frameBytes = 0;
        this.phase = LONG_LENGTH;
        return true;
      }
      case LONG_LENGTH:
        this.frameBytes = this.frameBytes * 256 + byte;
        return --this.left > 0 || this.endLength();
      default: // MASK
        if (--this.left === 0) this.startPayload();
        return true;
    }
  }

  private endLength(): boolean {
    if (!this.isControl) {
      this.messageBytes += this.frameBytes;
      if (this.messageBytes > this.maxMessageBytes) return false;
    }
    if (this.isMasked) {
      this.phase = MASK;
      this.left = 4;
    } else {
      this.startPayload();
    }
    return true;
  }

  private startPayload(): void {
    this.phase = PAYLOAD;
    this.left = this.frameBytes;
    if (this.left === 0) this.endFrame();
  }

  private endFrame(): void {
    this.phase = OPCODE;
    if (this.isFinal && !this.isControl) this.messageBytes = 0;
  }
}
