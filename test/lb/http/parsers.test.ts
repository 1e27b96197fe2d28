import fc from 'fast-check';
import t from 'tap';
import { ChunkedReader } from '../../../lb/http/chunked.ts';
import { INCOMPLETE, MALFORMED } from '../../../lb/http/fields.ts';
import { RequestHead } from '../../../lb/http/request-head.ts';
import { ResponseHead } from '../../../lb/http/response-head.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

t.test('every beginning of a good head is incomplete, never malformed', async (t) => {
  const requests = [
    'GET /a/b?c=d HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\nEmpty:\r\nX-Y_z.1: \t v w \t\r\n\r\n',
    'POST http://b.example/x HTTP/1.1\r\nHost: b.example\r\nContent-Length: 12\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
  ];
  for (const text of requests) {
    const bytes = latin1(text);
    const head = new RequestHead();
    for (let end = 0; end < bytes.length; end++) t.equal(head.parse(bytes, 0, end), INCOMPLETE, `${end} bytes`);
    t.equal(head.parse(bytes, 0, bytes.length), bytes.length);
  }
  const answer = latin1('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: \xe9\r\n\r\n');
  const head = new ResponseHead();
  for (let end = 0; end < answer.length; end++) t.equal(head.parse(answer, 0, end, false), INCOMPLETE, `${end} bytes`);
  t.equal(head.parse(answer, 0, answer.length, false), answer.length);
});

t.test('arbitrary bytes never throw, and never parse beyond their end', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'GET ',
      '/',
      ' HTTP/1.1\r\n',
      'HTTP/1.1 ',
      '200 OK\r\n',
      'Host: a\r\n',
      '\r\n',
      '\r',
      '\n',
      ':',
      ' ',
      'Content-Length: ',
      '5',
      '\0',
      'Transfer-Encoding: chunked\r\n',
      'Connection: close\r\n',
    ),
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const bytes = latin1(pieces.join(''));
      const request = new RequestHead().parse(bytes, 0, bytes.length);
      const response = new ResponseHead().parse(bytes, 0, bytes.length, false);
      return request <= bytes.length && request >= MALFORMED && response <= bytes.length && response >= MALFORMED;
    }),
    { numRuns: 5000 },
  );
});

t.test('what a Connection field names is not forwarded, but for what delimits the message', async (t) => {
  const head = new RequestHead();
  const bytes = latin1(
    'POST / HTTP/1.1\r\nConnection: a, Host ,content-length,B\r\nHost: h\r\nA: 1\r\nB: 2\r\nAB: 3\r\nContent-Length: 4\r\n\r\n',
  );
  const end = head.parse(bytes, 0, bytes.length);
  const into = Buffer.alloc(1000);
  t.equal(
    into.toString('latin1', 0, head.fields.copyKept(bytes, end, into, 0)),
    'Host: h\r\nAB: 3\r\nContent-Length: 4\r\n',
  );
});

t.test('chunked bodies, however they are cut', async () => {
  const chunk = fc.record({
    size: fc.integer({ min: 1, max: 600 }),
    extension: fc.constantFrom('', ';a', ';a=b', ' ;a="b c"', '\t;'),
  });
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 8 }),
      fc.constantFrom('', 'T: 1\r\n', 'T: 1\r\nU: \xe9\r\n'),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (chunks, trailer, cuts) => {
        const data = chunks.map(({ size }, i) => String.fromCharCode(97 + i).repeat(size));
        const text = `${chunks.map(({ size, extension }, i) => `${size.toString(16)}${extension}\r\n${data[i]}\r\n`).join('')}0\r\n${trailer}\r\n`;
        const bytes = latin1(`${text}NEXT`);
        const reader = new ChunkedReader();
        let seen = '';
        let at = 0;
        for (let cut = 0; !reader.isDone; cut++) {
          const end = Math.min(bytes.length, at + cuts[cut % cuts.length]!);
          const next = reader.read(bytes, at, end, (from, to) => {
            seen += bytes.toString('latin1', from, to);
          });
          if (next < 0 || (next < end && !reader.isDone)) return false;
          at = next;
        }
        return at === text.length && seen === data.join('') && reader.dataBytes === seen.length;
      },
    ),
    { numRuns: 500 },
  );
});

t.test('broken chunks', async (t) => {
  const cases = [
    '\r\n',
    'g\r\n',
    '-1\r\n',
    '+1\r\n',
    '0x1\r\n',
    ' 1\r\n',
    '1\n',
    '1\ra',
    '1\r\nab\r\n',
    '1\r\na\n',
    '123456789\r\n',
    '0\r\n x: 1\r\n\r\n',
    '0\r\nX: a\rb\r\n\r\n',
    '1;\0\r\n',
    '1 \r\n',
    '0\r\nno colon\r\n\r\n',
    '0\r\nX : 1\r\n\r\n',
    `1;${'x'.repeat(20_000)}\r\n`,
    `1;${'x'.repeat(1000)}\r\na\r\n`.repeat(20),
    `0\r\n${'X: 1\r\n'.repeat(65)}\r\n`,
  ];
  for (const text of cases) {
    const bytes = latin1(text);
    t.equal(new ChunkedReader().read(bytes, 0, bytes.length), -1, JSON.stringify(text.slice(0, 30)));
  }
});
