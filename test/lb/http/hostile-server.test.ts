import fc from 'fast-check';
import t from 'tap';
import { RawClient } from '../../fixtures/raw-client.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';
import { startPlane } from '../../fixtures/running-plane.ts';

/** What the server does with one request. */
const behaviour = fc.constantFrom(
  'answer',
  'answer',
  'answer',
  'in pieces',
  'chunked',
  'interim first',
  'then close',
  'close at once',
  'close in head',
  'close in body',
  'garbage',
  'two answers',
  'answer and garbage',
  'wrong version',
);
type Behaviour = typeof behaviour extends fc.Arbitrary<infer T> ? T : never;

interface Reply {
  readonly parts: readonly string[];
  readonly closes: boolean;
}

function reply(what: Behaviour, id: string): Reply {
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n${id}`;
  const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';
  switch (what) {
    case 'in pieces':
      return { parts: [answer.slice(0, 9), answer.slice(9, 30), answer.slice(30)], closes: false };
    case 'chunked': {
      const [a, b] = [id.slice(0, 2), id.slice(2)];
      const size = (text: string): string => text.length.toString(16);
      return {
        parts: [
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${size(a)}\r\n${a}\r\n${size(b)}\r\n`,
          `${b}\r\n0\r\n\r\n`,
        ],
        closes: false,
      };
    }
    case 'interim first':
      return { parts: ['HTTP/1.1 103 Early Hints\r\n\r\n', answer], closes: false };
    case 'then close':
      return { parts: [answer.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')], closes: true };
    case 'close at once':
      return { parts: [], closes: true };
    case 'close in head':
      return { parts: [answer.slice(0, 20)], closes: true };
    case 'close in body':
      return { parts: [answer.slice(0, -1)], closes: true };
    case 'garbage':
      return { parts: ['\0\x01\x02 nonsense\r\n\r\n'], closes: false };
    case 'two answers':
      return { parts: [answer + evil], closes: false };
    case 'answer and garbage':
      return { parts: [`${answer}\xff\xfe\xfd`], closes: false };
    case 'wrong version':
      return { parts: [answer.replace('HTTP/1.1', 'HTTP/3.0')], closes: false };
    default:
      return { parts: [answer], closes: false };
  }
}

/** Requests one after the other on one connection; null where it broke off. */
async function ask(port: number, ids: readonly string[]): Promise<(string | null)[]> {
  const results: (string | null)[] = [];
  for (let client: RawClient | undefined; results.length < ids.length; ) {
    client ??= new RawClient(port);
    const id = ids[results.length]!;
    client.received = '';
    client.send(`GET /${id} HTTP/1.1\r\nHost: a\r\n\r\n`);
    try {
      const text = await client.until(isWhole);
      results.push(text);
    } catch {
      results.push(null);
      client = undefined;
    }
  }
  return results;
}

/** An answer that is not an interim one, with its whole body. */
function isWhole(text: string): boolean {
  const final = text.replace(/^(HTTP\/1\.1 1\d\d [^\r]*\r\n\r\n)+/, '');
  const end = final.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\nContent-Length: (\d+)/i.exec(final.slice(0, end));
  return length === null ? final.endsWith('0\r\n\r\n') : final.length >= end + 4 + Number(length[1]);
}

t.test('whatever a server does, each client gets its own answer, a 502 or a broken connection', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(behaviour, { minLength: 1, maxLength: 40, size: 'max' }),
      fc.constantFrom(1, 4, 16),
      fc.integer({ min: 1, max: 12 }),
      async (script, pipelining, clients) => {
        let at = 0;
        const server = await startRawServer((socket, data) => {
          for (const [, id] of data.toString('latin1').matchAll(/GET \/(\S+) /g)) {
            const what = script[at++ % script.length]!;
            // A server that is trusted to answer in order can break that trust, and nothing in its bytes would show it.
            const { parts, closes } = reply(what === 'two answers' && pipelining > 1 ? 'answer' : what, id!);
            for (const part of parts) socket.write(Buffer.from(part, 'latin1'));
            if (!closes) continue;
            socket.end();
            return;
          }
        });
        const plane = startPlane({
          servers: [{ port: server.port }],
          backend: { pipelining, timeouts: { connectMs: 1000, responseMs: 300, idleMs: 1000 } },
        });
        try {
          const all = await Promise.all(
            Array.from({ length: clients }, (_, c) => {
              const ids = Array.from({ length: 5 }, (_, i) => `id${c}x${i}`);
              return ask(plane.port, ids).then((answers) => answers.map((answer, i) => ({ id: ids[i]!, answer })));
            }),
          );
          for (const { id, answer } of all.flat()) {
            if (answer === null || /HTTP\/1\.1 50[234] /.test(answer)) continue;
            const isOwn =
              answer.replace(/\r\n2\r\nid\r\n\d\r\n/, '\r\nid').includes(`\r\n${id}`) || answer.endsWith(id);
            if (!isOwn || answer.includes('EVIL')) throw new Error(`${id} got ${JSON.stringify(answer)}`);
          }
        } finally {
          plane.stop();
          await plane.allPortsBack();
          await server.close();
        }
      },
    ),
    { numRuns: 60 },
  );
  t.pass();
});
