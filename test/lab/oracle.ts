export type BackendName = 'servers' | 'workers';

/** Something that a client saw and that should not be. Times are of one clock for all processes of the machine, in ms. */
export interface Failure {
  /** `repeat`: a kept connection ended before the answer began, and the request was sent again, as RFC 9112, section 9.3.1, lets clients do. */
  readonly what: 'request' | 'repeat' | 'websocket';
  readonly backend: BackendName;
  /** Idempotent, and without a body. */
  readonly isSafe: boolean;
  /** Part of the answer had come, to the client or to Portico: nobody could send the request again. */
  readonly hasBegun?: boolean;
  /** The client's port; undefined where it never had a connection. */
  readonly port: number | undefined;
  readonly connectedMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly why: string;
  /** An answer that is not the one to the question. No fault explains it. */
  readonly isWrong: boolean;
  /** Of a WebSocket: where it led. */
  readonly serverPid?: number | undefined;
  /** Of a WebSocket: the address that Portico reached the server from. */
  readonly source?: string | undefined;
}

/** What a fault may do to clients, and nothing else. */
export interface Disturbance {
  readonly fault: string;
  readonly fromMs: number;
  /** Still open while the fault lasts: infinity. */
  untilMs: number;
  /** Connections of a process that is no more; only those that were open when it began. */
  readonly clientPorts?: ReadonlySet<number>;
  /** Requests to this backend that may not be sent twice, or were being answered. */
  readonly unsafeTo?: BackendName;
  /** WebSockets that end in this process. */
  readonly serverPid?: number;
  /** WebSockets that leave from this address. */
  readonly source?: string;
  /** Processes leave in good order: idle connections are closed, WebSockets told 1001. */
  readonly isDrain?: boolean;
}

/** The first disturbance that the failure can be put down to. */
export function explain(failure: Failure, disturbances: Iterable<Disturbance>): Disturbance | undefined {
  if (failure.isWrong) return undefined;
  for (const disturbance of disturbances) {
    if (isDuring(failure, disturbance) && mayCause(disturbance, failure)) return disturbance;
  }
  return undefined;
}

/** A WebSocket has been there for long; what matters is when it ended. */
function isDuring({ what, startedMs, endedMs }: Failure, { fromMs, untilMs }: Disturbance): boolean {
  return endedMs >= fromMs && (what === 'websocket' ? endedMs : startedMs) <= untilMs;
}

function mayCause(disturbance: Disturbance, failure: Failure): boolean {
  const { clientPorts, unsafeTo, serverPid, source, isDrain, fromMs } = disturbance;
  const { what, port, connectedMs, backend, isSafe, why } = failure;
  if (port !== undefined && clientPorts?.has(port) === true && connectedMs <= fromMs) return true;
  if (what === 'request') return (!isSafe || failure.hasBegun === true) && unsafeTo === backend;
  if (what === 'repeat') return isDrain === true || (failure.hasBegun === true && unsafeTo === backend);
  if (serverPid !== undefined && failure.serverPid === serverPid) return true;
  if (source !== undefined && failure.source === source) return true;
  return isDrain === true && why === 'closed with 1001';
}
