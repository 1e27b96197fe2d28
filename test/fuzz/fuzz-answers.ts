import http from 'node:http';
import { startRawServer } from '../fixtures/raw-server.ts';
import { startPlane } from '../fixtures/running-plane.ts';
import { answerBytes } from './answer-bytes.ts';
import { randomOf } from './random.ts';
import { type Outcome, readAnswerBytes } from './read-answer-bytes.ts';
import { runCases, Tally } from './tally.ts';

const AT_ONCE = 24;

interface Received {
  readonly status: number;
  readonly body: string;
}

/**
 * Lets a server answer with the bytes of each case, and compares what a client of another make (Node's) gets through a plane with what the
 * plane's parsers make of the same bytes.
 */
export async function fuzzAnswers(seed: number, from: number, to: number): Promise<Tally> {
  const tally = new Tally();
  const script = (id: number) => answerBytes(id, randomOf(seed, id));
  const server = await startRawServer((socket, data) => {
    const id = Number(/^\w+ \/(\d+) /.exec(data.toString('latin1'))?.[1]);
    const { text, closes } = script(id);
    // All at once: bytes that come after an answer has ended could be the answer to another request, for all that HTTP can tell.
    const bytes = Buffer.from(text, 'latin1');
    if (closes) socket.end(bytes);
    else socket.write(bytes);
  });
  const plane = startPlane({ servers: [{ port: server.port }], backend: { retries: 2 } });
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const one = async (id: number): Promise<void> => {
    tally.cases++;
    const method = id % 7 === 0 ? 'HEAD' : 'GET';
    const bytes = script(id);
    const expected = readAnswerBytes(bytes, method === 'HEAD');
    if (expected.kind === 'waiting') {
      // Nothing but the time limit would end it.
      tally.count('left out, since they do not end');
      return;
    }
    const received = await ask(agent, plane.port, method, id);
    const fault = compare(expected, received, tally);
    if (fault !== undefined) tally.disagree(seed, id, fault, bytes.text);
  };
  await runCases(from, to, AT_ONCE, one);
  agent.destroy();
  plane.stop();
  await plane.allPortsBack();
  await server.close();
  return tally;
}

function compare(expected: Outcome, received: Received | undefined, tally: Tally): string | undefined {
  if (expected.kind === 'whole') {
    tally.count('read alike');
    if (received?.status === expected.status && received.body === expected.body) return undefined;
  } else {
    tally.count('broken, and known to be');
    if (received === undefined || (received.status === 502 && received.body.includes('(portico)'))) return undefined;
    // The answer to HEAD has no body to tell it by.
    if (received.status === 502 && received.body === '') return undefined;
  }
  return `${JSON.stringify(received)} instead of ${JSON.stringify(expected)}`;
}

/** Undefined where the connection broke. */
function ask(agent: http.Agent, port: number, method: string, id: number): Promise<Received | undefined> {
  return new Promise((resolve) => {
    const request = http.request({ agent, port, host: '127.0.0.1', method, path: `/${id}` }, (response) => {
      let body = '';
      response.on('data', (data: Buffer) => {
        body += data.toString('latin1');
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve(undefined));
    });
    request.on('error', () => resolve(undefined));
    request.end();
  });
}
