// The clients of the laboratory: `load-main CLIENTS PAUSE_MS WEBSOCKETS [ENGINE]…`. Every answer is compared with the one that it should be, every WebSocket is
// spoken to all the time, and all that is not as it should be is told to the parent, which knows what happened meanwhile.
import http from 'node:http';
import { HeldWebSocket } from './held-web-socket.ts';
import { type LabListener, listenerOfClient, type OtherEngine } from './lab-listener.ts';
import type { Failure } from './oracle.ts';
import { answerTo, type Question, questionOf } from './question.ts';

export type LoadCommand =
  /** From now on no answer may be of a config before this one. */
  { readonly type: 'generation'; readonly generation: number } | { readonly type: 'count' } | { readonly type: 'stop' };

export interface LoadCounts {
  readonly requests: number;
  readonly webSocketsOpened: number;
  readonly webSocketsOpen: number;
  readonly messages: number;
}

export type LoadEvent =
  | { readonly type: 'failure'; readonly failure: Failure }
  | ({ readonly type: 'counts' } & LoadCounts)
  /** The last answer has come, the last WebSocket is closed. */
  | { readonly type: 'stopped' };

const [clients, pauseMs, webSockets] = process.argv.slice(2, 5).map(Number) as [number, number, number];
const engines = process.argv.slice(5) as OtherEngine[];
/** Who is refused at once would ask thousands of times a second. */
const AFTER_FAILURE_MS = 50;
const NO_ANSWER_MS = 20_000;

let isOver = false;
let requests = 0;
let leastGeneration = 0;

const now = (): number => performance.timeOrigin + performance.now();
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const tell = (event: LoadEvent): void => void process.send?.(event);
const fail = (failure: Failure): void => tell({ type: 'failure', failure });
const connectedAt = new WeakMap<object, number>();

/** Resolves with whether it went well. */
function ask(to: LabListener, question: Question, agent: http.Agent | false, mayRepeat: boolean): Promise<boolean> {
  const { name: listener, host, port } = to;
  const { backend, method, path, body } = question;
  const startedMs = now();
  const generation = leastGeneration;
  let localPort: number | undefined;
  let connectedMs = startedMs;
  const failed = (what: 'request' | 'repeat', why: string, isWrong = false, hasBegun = false): boolean => {
    const isSafe = method === 'GET';
    const when = { connectedMs, startedMs, endedMs: now() };
    fail({ what, listener, backend, isSafe, port: localPort, ...when, why, isWrong, hasBegun });
    return false;
  };
  return new Promise((resolve) => {
    const request = http.request({ host, port, agent, method, path }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (data: Buffer) => parts.push(data));
      response.on('error', (error: NodeJS.ErrnoException) =>
        resolve(failed('request', `answer ${error.code}`, false, true)),
      );
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (response.statusCode !== 200) {
          resolve(failed('request', `status ${response.statusCode}`));
        } else if (text !== answerTo(backend, path, body)) {
          resolve(failed('request', `another answer: ${text.slice(0, 80)}`, true));
        } else if (listener === 'web' && Number(response.headers['x-generation']) < generation) {
          resolve(failed('request', `config ${response.headers['x-generation']}, not ${generation}`, true));
        } else resolve(true);
      });
    });
    request.setTimeout(NO_ANSWER_MS, () => request.destroy(new Error('no answer')));
    request.on('socket', (socket) => {
      const note = (): void => {
        localPort = socket.localPort;
        if (!connectedAt.has(socket)) connectedAt.set(socket, now());
        connectedMs = connectedAt.get(socket)!;
      };
      if (socket.connecting) socket.once('connect', note);
      else note();
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code ?? error.message;
      // Node tells the end of a connection in these ways.
      const isClosed = why === 'ECONNRESET' || why === 'EPIPE';
      if (!request.reusedSocket || !isClosed || !mayRepeat) {
        resolve(failed('request', why));
        return;
      }
      failed('repeat', why);
      ask(to, question, agent, false).then(resolve);
    });
    request.end(body);
  });
}

/** Half of the clients of each listener stay on one connection, half take a new one for each request. */
async function run(client: number): Promise<void> {
  const agent = client % 2 === 0 ? new http.Agent({ keepAlive: true, maxSockets: 1 }) : false;
  const listener = listenerOfClient(engines, client >> 1);
  for (let number = 1; !isOver; number++) {
    requests++;
    const isFine = await ask(listener, questionOf(client, number, listener.backends), agent, true);
    await wait(isFine ? pauseMs * (0.5 + Math.random()) : AFTER_FAILURE_MS);
  }
  if (agent !== false) agent.destroy();
}

const loops = Array.from({ length: clients }, (_, client) => run(client));
const held = Array.from({ length: webSockets }, (_, i) => {
  const listener = listenerOfClient(engines, i);
  return new HeldWebSocket(
    { now, fail },
    { listener, backend: listener.backends[(i >> 1) % listener.backends.length]! },
  );
});

process.on('message', (command: LoadCommand) => {
  switch (command.type) {
    case 'generation':
      leastGeneration = command.generation;
      return;
    case 'count': {
      const sum = (of: 'opened' | 'messages'): number => held.reduce((all, each) => all + each[of], 0);
      const webSocketsOpen = held.filter(({ isOpen }) => isOpen).length;
      tell({ type: 'counts', requests, webSocketsOpened: sum('opened'), webSocketsOpen, messages: sum('messages') });
      return;
    }
    case 'stop':
      isOver = true;
      void Promise.all([...loops, ...held.map((each) => each.stop())]).then(() => tell({ type: 'stopped' }));
      return;
    default:
      command satisfies never;
  }
});
process.on('disconnect', () => process.exit(0));
