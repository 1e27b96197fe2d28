import type * as Uws from 'uWebSockets.js';
import { createRequire } from 'node:module';

export type { HttpRequest, HttpResponse, TemplatedApp, WebSocket, WebSocketBehavior } from 'uWebSockets.js';

/** There is no build of uWebSockets.js for this machine. */
export class MissingBinaryError extends Error {
  readonly code = 'MISSING_BINARY';
  readonly source = 'local';
  readonly retryable = false;
}

type UwsModule = typeof Uws & {
  /** Undocumented switches by number. */
  readonly _cfg: (key: string) => void;
};

/** Throws MissingBinaryError. */
export function loadUws(): UwsModule {
  try {
    return createRequire(import.meta.url)('uWebSockets.js') as UwsModule;
  } catch (cause) {
    throw new MissingBinaryError(
      `workers need uWebSockets.js, ${explain(String(cause))} A config with "servers" instead of "workers" does without.`,
      { cause },
    );
  }
}

function explain(cause: string): string {
  const { node } = process.versions;
  const glibc = /GLIBC_[\d.]+/.exec(cause)?.[0].replace('_', ' ');
  // The builds for Node 22 and 24 ask for a newer system than that for Node 20.
  return glibc === undefined
    ? `which has no binary for Node ${node} on ${process.platform} ${process.arch}; use Node 20, 22 or 24 on Linux x64 or arm64 with glibc.`
    : `whose binary for Node ${node} needs ${glibc} or newer, and this machine has an older one; use Node 20, or a newer system.`;
}
