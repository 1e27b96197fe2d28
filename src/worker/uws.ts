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
      `uWebSockets.js has no binary for Node ${process.versions.node} on ${process.platform} ${process.arch}; use Node 20, 22 or 24 on Linux x64 or arm64 with glibc.`,
      { cause },
    );
  }
}
