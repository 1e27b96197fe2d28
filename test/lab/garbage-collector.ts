import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { WebSocket } from 'ws';

const ANSWER_MS = 5000;
const HEAP_USE = `(() => {
  const { heapUsed } = process.memoryUsage();
  const code = process.getBuiltinModule('v8').getHeapCodeStatistics();
  const codeBytes = code.code_and_metadata_size + code.bytecode_and_metadata_size;
  return JSON.stringify({ objectBytes: heapUsed - codeBytes, codeBytes });
})()`;

export interface HeapUse {
  /** All but code. */
  readonly objectBytes: number;
  /** What V8 has made of functions: it makes more of those that are called often, and of some that only after an hour. */
  readonly codeBytes: number;
}

interface Evaluated {
  readonly result: { readonly value: string };
}

/**
 * Has Node processes collect their garbage, all of it, through their debugger's port: between two collections of V8's own, half an hour apart in a
 * process with little to do, memory grows by what nobody uses any more, and says nothing of leaks.
 */
export class GarbageCollector {
  /** For NODE_OPTIONS of the processes: each listens for a debugger on a port that the kernel chooses. */
  static readonly NODE_OPTIONS = '--inspect=127.0.0.1:0';
  private readonly urls = new Map<number, string>();

  /**
   * Resolves with what is still in use of JavaScript's heap. Rejects where the process does not answer within five seconds: it may
   * have ended, or be stopped.
   */
  async collect(pid: number): Promise<HeapUse> {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const url = this.urls.get(pid) ?? (await findDebugger(pid, signal));
    this.urls.set(pid, url);
    const socket = new WebSocket(url);
    const closed = once(socket, 'close', { signal });
    closed.catch(() => {});
    try {
      await once(socket, 'open', { signal });
      await ask(socket, 'HeapProfiler.collectGarbage', signal);
      const { result } = (await ask(socket, 'Runtime.evaluate', signal, { expression: HEAP_USE })) as Evaluated;
      socket.close();
      // With a debugger still there a process would wait for it at its end.
      await closed;
      return JSON.parse(result.value) as HeapUse;
    } finally {
      socket.terminate();
    }
  }
}

/** One question at a time. */
async function ask(socket: WebSocket, method: string, signal: AbortSignal, params = {}): Promise<unknown> {
  const answer = once(socket, 'message', { signal });
  socket.send(JSON.stringify({ id: 1, method, params }));
  return (JSON.parse(String((await answer)[0])) as { result: unknown }).result;
}

/** Of the ports that the process listens on, the one that answers as a debugger. */
async function findDebugger(pid: number, signal: AbortSignal): Promise<string> {
  const lines = execFileSync('ss', ['-Hltnp'], { encoding: 'utf8' }).split('\n');
  for (const line of lines.filter((each) => each.includes(`pid=${pid},`))) {
    const port = /\s127\.0\.0\.1:(\d+)\s/.exec(line)?.[1];
    if (port === undefined) continue;
    const response = await fetch(`http://127.0.0.1:${port}/json/list`, { signal });
    const text = await response.text();
    const url = /"webSocketDebuggerUrl": "(ws:[^"]+)"/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`process ${pid} listens for no debugger`);
}
