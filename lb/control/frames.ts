import { deserialize, serialize } from 'node:v8';

/** Length of what follows the head, little endian, then 1 for a message that a socket goes with, else 0. */
const HEAD_BYTES = 5;
/** The largest message is a chunk of an audit, some hundred KB; what claims to be larger is not one of ours. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Not a message of a process of ours. */
export class FrameError extends Error {
  readonly code = 'FRAME';
  readonly source = 'local';
  readonly retryable = false;
}

/** One message between two processes, as bytes: what the structured clone algorithm can copy. */
export function encodeFrame(message: unknown, hasSocket: boolean): Buffer {
  const body = serialize(message);
  const frame = Buffer.allocUnsafe(HEAD_BYTES + body.length);
  frame.writeUInt32LE(body.length, 0);
  frame[4] = hasSocket ? 1 : 0;
  body.copy(frame, HEAD_BYTES);
  return frame;
}

/** Cuts a stream of bytes into messages. */
export class FrameReader {
  private parts: Buffer[] = [];
  private length = 0;

  /** The messages that `data` completes. Throws FrameError; nothing more can be read then. */
  *read(data: Buffer): Iterable<{ readonly message: unknown; readonly hasSocket: boolean }> {
    this.parts.push(data);
    this.length += data.length;
    for (;;) {
      if (this.length < HEAD_BYTES) return;
      if (this.parts[0]!.length < HEAD_BYTES) this.join();
      const head = this.parts[0]!;
      const size = head.readUInt32LE(0);
      if (size > MAX_BYTES) throw new FrameError(`a message of ${size} bytes is too long`);
      if (this.length < HEAD_BYTES + size) return;
      this.join();
      const whole = this.parts[0]!;
      const body = whole.subarray(HEAD_BYTES, HEAD_BYTES + size);
      const rest = whole.subarray(HEAD_BYTES + size);
      this.parts = rest.length === 0 ? [] : [rest];
      this.length = rest.length;
      yield { message: parse(body), hasSocket: whole[4] === 1 };
    }
  }

  private join(): void {
    if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts)];
  }
}

function parse(body: Buffer): unknown {
  try {
    return deserialize(body);
  } catch (cause) {
    throw new FrameError('a message cannot be read', { cause });
  }
}
