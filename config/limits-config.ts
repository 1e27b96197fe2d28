/** What a client of a listener may send. */
export interface ListenerLimits {
  /** Request line and fields. */
  readonly headerBytes: number;
  readonly headerCount: number;
  /** Request bodies above it get 413. `Infinity` never does. */
  readonly bodyBytes: number;
  /** Lowest rates in bytes a second; 0 where any will do. */
  readonly bodyRate: number;
  readonly answerRate: number;
  /** Of what is for a client and cannot be sent yet, so much goes to the kernel; `Infinity`: as the machine is set. */
  readonly unsentBytes: number;
  readonly webSocketMessageBytes: number;
  /** Clients of one plane at once, and those of one address; `Infinity` where there is no limit. */
  readonly connections: number;
  readonly connectionsPerClient: number;
}

/** How long a client of a listener may take. */
export interface ListenerTimeouts {
  /** A kept-alive client connection without a request. */
  readonly idleMs: number;
  /** From the first byte of a request head to its end. */
  readonly headerMs: number;
  /** Between two parts of a request body. */
  readonly bodyMs: number;
  /** An answer that waits for its client, which takes nothing of it. */
  readonly sendMs: number;
  /** A WebSocket on which nothing passes either way. 0 means never. */
  readonly webSocketIdleMs: number;
}
