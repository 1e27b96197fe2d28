import fc from 'fast-check';
import t from 'tap';
import { judgeAnswer as judge } from '../../../lb/health/judge-answer.ts';

const judgeAnswer = (text: string) => judge(text, { statuses: [[200, 399]] }, false);
const PASSED = { outcome: 'passed' };
const NOT_HTTP = { outcome: 'failed', reason: 'not an HTTP answer' };
const failed = (status: number) => ({ outcome: 'failed', reason: `status ${status}` });

t.test('answers, whole and in part', async (t) => {
  const cases: [string, ReturnType<typeof judgeAnswer> | object][] = [
    ['HTTP/1.1 200 OK\r\n', PASSED],
    ['HTTP/1.0 204 \r\n', PASSED],
    ['HTTP/1.1 200\r\n', PASSED],
    ['HTTP/1.1 399 x', PASSED],
    ['HTTP/1.1 400 x', failed(400)],
    ['HTTP/1.1 503 x', failed(503)],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', failed(101)],
    ['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n', PASSED],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.1 500 x', failed(500)],
    ['HTTP/1.1 100 Continue\r\n\r\ngarbage', NOT_HTTP],
    [`HTTP/1.1 103 x\r\nLink: ${'a'.repeat(20_000)}`, NOT_HTTP],
    ['HTTP/1.1 200OK\r\n', NOT_HTTP],
    ['HTTP/1.1  200 OK\r\n', NOT_HTTP],
    ['HTTP/1.1 20 OK\r\n', NOT_HTTP],
    ['HTTP/1.1 600 x\r\n', NOT_HTTP],
    ['HTTP/2 200\r\n', NOT_HTTP],
    ['http/1.1 200 OK\r\n', NOT_HTTP],
    ['\r\nHTTP/1.1 200 OK\r\n', NOT_HTTP],
    ['\x16\x03\x01', NOT_HTTP],
  ];
  for (const [text, expected] of cases) t.same(judgeAnswer(text), expected, JSON.stringify(text.slice(0, 60)));
  for (const part of [
    '',
    'H',
    'HTTP/1.',
    'HTTP/1.1 2',
    'HTTP/1.1 200',
    'HTTP/1.1 100 x\r\n',
    'HTTP/1.1 100 x\r\n\r\nHT',
  ]) {
    t.equal(judgeAnswer(part), undefined, `${JSON.stringify(part)} says nothing yet`);
  }
});

t.test('what has been judged stays judged, whatever follows', async () => {
  const piece = fc.constantFrom('HTTP/1.1 ', 'HTTP/1.0 ', '100 x', '200 x', '503 x', '\r\n', '\r\n\r\n', '\n', 'x');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      fc.nat(),
      (text, cut) => {
        const early = judgeAnswer(text.slice(0, cut % (text.length + 1)));
        return early === undefined || JSON.stringify(early) === JSON.stringify(judgeAnswer(text));
      },
    ),
  );
});

t.test('statuses and bodies that are wanted', async (t) => {
  const expected = { statuses: [[200, 200] as const, [429, 431] as const], body: 'all – well' };
  const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
  const NOT_WELL = { outcome: 'failed', reason: 'the body does not contain what it should' };
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const cases: [string, boolean, ReturnType<typeof judge> | object][] = [
    ['HTTP/1.1 301 x', false, failed(301)],
    ['HTTP/1.1 432 x', false, failed(432)],
    ['HTTP/1.1 430 x\r\n\r\nall – well', false, PASSED],
    ['HTTP/1.1 200 OK\r\n', false, undefined],
    ['HTTP/1.1 200 OK\r\n\r\nall –', false, undefined],
    ['HTTP/1.1 200 OK\r\n\r\nall –', true, NOT_WELL],
    ['HTTP/1.1 200 OK\r\nX: all – well\r\n\r\nno', true, NOT_WELL],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno', false, NOT_WELL],
    ['HTTP/1.1 200 OK\r\n\r\nnow all – well, really', false, PASSED],
    [`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(70_000)}`, false, NOT_WELL],
    [`HTTP/1.1 103 x\r\n\r\n${chunked}4\r\nall \r\na;x=y\r\n– well\r\n`, false, PASSED],
    [`${chunked}4\r\nall `, false, undefined],
    [`${chunked}4\r\nall \r\n0\r\n\r\n`, true, NOT_WELL],
  ];
  for (const [text, isWhole, verdict] of cases) {
    t.same(judge(bytes(text), expected, isWhole), verdict, JSON.stringify(text.slice(0, 60)));
  }
});
