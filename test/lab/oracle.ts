import { isOfPlanes, type ListenerName } from './lab-listener.ts';
import type { Slice } from './side-load.ts';

export type BackendName = 'servers' | 'workers';

/** Something that a client saw and that should not be. Times are of one clock for all processes of the machine, in ms. */
export interface Failure {
  /** `repeat`: a kept connection ended before the answer began, and the request was sent again, as RFC 9112, section 9.3.1, lets clients do. */
  readonly what: 'request' | 'repeat' | 'websocket';
  readonly listener: ListenerName;
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
  /** Connections of a plane that is no more; only those that were open when it began. */
  readonly clientPorts?: ReadonlySet<number>;
  /** Requests to this backend that may not be sent twice, or were being answered; and all that an engine passes on without a look at it. */
  readonly unsafeTo?: BackendName;
  /** Where it is felt; everywhere, unless said. */
  readonly listeners?: readonly ListenerName[];
  /** All that these listeners had under way, and what comes before they are back. */
  readonly cuts?: readonly ListenerName[];
  /** WebSockets that end in this process. */
  readonly serverPid?: number;
  /** WebSockets that leave from this address. */
  readonly source?: string;
  /** Processes behind these listeners leave in good order: idle connections are closed, WebSockets told 1001, whatever else was told nothing is cut. */
  readonly drains?: readonly ListenerName[];
}

/** The first disturbance that the failure can be put down to. */
export function explain(failure: Failure, disturbances: Iterable<Disturbance>): Disturbance | undefined {
  if (failure.isWrong) return undefined;
  for (const disturbance of disturbances) {
    if (isDuring(failure, disturbance) && mayCause(disturbance, failure)) return disturbance;
  }
  return undefined;
}

/** The first disturbance that errors of a run of a load generator, which asked `servers` all the time and only what may be asked again, can be put down to. */
export function explainSlice(slice: Slice, disturbances: Iterable<Disturbance>): Disturbance | undefined {
  const { listener, fromMs, untilMs } = slice;
  for (const disturbance of disturbances) {
    if (disturbance.fromMs <= untilMs && disturbance.untilMs >= fromMs && mayTouch(disturbance, listener)) {
      return disturbance;
    }
  }
  return undefined;
}

function mayTouch({ listeners, clientPorts, unsafeTo, drains, cuts }: Disturbance, listener: ListenerName): boolean {
  if (listeners?.includes(listener) === false) return false;
  // Our own engine answers whoever asks on a connection that it drains; HAProxy closes it.
  if (listener === 'haproxy' && drains?.includes(listener) === true) return true;
  return (
    (clientPorts !== undefined && isOfPlanes(listener)) || unsafeTo === 'servers' || cuts?.includes(listener) === true
  );
}

/** A WebSocket has been there for long; what matters is when it ended. */
function isDuring({ what, startedMs, endedMs }: Failure, { fromMs, untilMs }: Disturbance): boolean {
  return endedMs >= fromMs && (what === 'websocket' ? endedMs : startedMs) <= untilMs;
}

function mayCause(disturbance: Disturbance, failure: Failure): boolean {
  const { clientPorts, unsafeTo, serverPid, source, listeners, drains, cuts, fromMs } = disturbance;
  const { what, listener, port, connectedMs, backend, isSafe, why } = failure;
  if (listeners?.includes(listener) === false) return false;
  if (isOfPlanes(listener) && port !== undefined && clientPorts?.has(port) === true && connectedMs <= fromMs) {
    return true;
  }
  if (cuts?.includes(listener) === true) return true;
  const isDrained = drains?.includes(listener) === true;
  if (isDrained && !speaksHttp(listener)) return true;
  const isServers = unsafeTo === backend;
  const mayFail = !isSafe || failure.hasBegun === true || !speaksHttp(listener) || isGivenUp(failure);
  if (what === 'request') return isServers && mayFail;
  if (what === 'repeat') return isDrained || (isServers && (failure.hasBegun === true || !knowsBegun(listener)));
  if (serverPid !== undefined && failure.serverPid === serverPid) return true;
  if (source !== undefined && failure.source === source) return true;
  return isDrained && (why === 'closed with 1001' || listener === 'haproxy');
}

/** Others pass bytes on: they can send no request again, and tell nobody that he has to go. */
const speaksHttp = (listener: ListenerName): boolean => listener === 'web' || listener === 'haproxy';
/**
 * HAProxy tries another line, which may be one of the same server from another source, and not more often than `retries` says. And an answer that
 * it had begun is cut, of which the client may see nothing: HAProxy does not tell.
 */
const isGivenUp = ({ listener, why }: Failure): boolean =>
  listener === 'haproxy' && (why === 'status 503' || why === 'ECONNRESET');
/** Its access log says which answers broke off. */
const knowsBegun = (listener: ListenerName): boolean => listener === 'web';
