import { WebSocket } from 'ws';
import type { LabListener } from './lab-listener.ts';
import type { BackendName, Failure } from './oracle.ts';
import { pathOf } from './question.ts';

export interface HeldWebSocketOptions {
  readonly listener: LabListener;
  readonly backend: BackendName;
}

export interface HeldWebSocketDeps {
  readonly now: () => number;
  readonly fail: (failure: Failure) => void;
}

const SPEAK_MS = 500;
/** A packet that is lost for seconds, because a link is down, is sent again in time. */
const SILENCE_MS = 15_000;
const AGAIN_MS = 200;

/** One WebSocket that is held and spoken to: each message has to come back, in turn. Another one is opened when it ends. */
export class HeldWebSocket {
  opened = 0;
  messages = 0;
  isOpen = false;
  private readonly deps: HeldWebSocketDeps;
  private readonly options: HeldWebSocketOptions;
  private socket: WebSocket | undefined = undefined;
  private isOver = false;
  private onGone = (): void => {};

  constructor(deps: HeldWebSocketDeps, options: HeldWebSocketOptions) {
    this.deps = deps;
    this.options = options;
    this.open();
  }

  private open(): void {
    const { now, fail } = this.deps;
    const { listener, backend } = this.options;
    const { name, host, port } = listener;
    const startedMs = now();
    let connectedMs = startedMs;
    let localPort: number | undefined;
    let serverPid: number | undefined;
    let source: string | undefined;
    let why = '';
    let isWrong = false;
    let sent = 0;
    let echoed = 0;
    let heardMs = startedMs;
    const socket = new WebSocket(`ws://${host}:${port}${pathOf(backend)}ws`, { perMessageDeflate: false });
    this.socket = socket;
    socket.on('upgrade', (response) => {
      localPort = response.socket.localPort;
      connectedMs = now();
    });
    socket.on('message', (data) => {
      const text = data.toString();
      heardMs = now();
      if (serverPid === undefined) {
        const [kind, pid, from] = text.split(' ');
        serverPid = Number(pid);
        source = from;
        this.isOpen = true;
        this.opened++;
        if (kind !== backend) cut(`greeted by ${kind}`, true);
      } else if (Number(text) === echoed) {
        echoed++;
        this.messages++;
      } else cut(`${text} came back, not ${echoed}`, true);
    });
    const cut = (what: string, isFault: boolean): void => {
      why = what;
      isWrong = isFault;
      socket.terminate();
    };
    const speaking = setInterval(() => {
      if (now() - heardMs > SILENCE_MS) cut('silent', false);
      else if (this.isOpen && echoed === sent) socket.send(String(sent++));
    }, SPEAK_MS);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      why ||= error.code ?? error.message;
    });
    socket.on('close', (code) => {
      clearInterval(speaking);
      why ||= `closed with ${code}`;
      if (this.isOver) {
        this.onGone();
        return;
      }
      const endedMs = now();
      const what = this.isOpen ? 'websocket' : 'request';
      this.isOpen = false;
      // One that did not come about was a request that may not be sent twice.
      fail({
        what,
        listener: name,
        backend,
        isSafe: false,
        port: localPort,
        connectedMs,
        startedMs,
        endedMs,
        why,
        isWrong,
        serverPid,
        source,
      });
      setTimeout(() => {
        if (this.isOver) this.onGone();
        else this.open();
      }, AGAIN_MS);
    });
  }

  /** Resolves when it is closed. */
  stop(): Promise<void> {
    this.isOver = true;
    return new Promise((resolve) => {
      this.onGone = resolve;
      this.socket?.close();
    });
  }
}
