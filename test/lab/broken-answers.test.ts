import t from 'tap';
import { parseBrokenAnswers, withBrokenAnswers } from './broken-answers.ts';
import type { Failure } from './oracle.ts';

const line = (time: string, port: number, end: string): string =>
  `{"time":"${time}","listener":"web","client":"127.0.0.1","client_port":${port},"status":200,"end":"${end}"}\n`;
const atMs = Date.parse('2026-11-27T07:31:12.250Z');
const failure: Failure = {
  what: 'repeat',
  listener: 'web',
  backend: 'servers',
  isSafe: true,
  port: 45_216,
  connectedMs: atMs - 5000,
  startedMs: atMs - 50,
  endedMs: atMs + 60,
  why: 'ECONNRESET',
  isWrong: false,
};

t.test('answers that broke off, by the log', async (t) => {
  const text = [
    line('2026-11-27T07:31:12.250Z', 45_216, 'server-closed'),
    line('2026-11-27T07:31:12.260Z', 45_217, 'done'),
    '{"time":"2026-11-27T07:31:12.270Z","client_port":45218,"end":"server-cl',
  ].join('');
  t.same(parseBrokenAnswers(text), [{ clientPort: 45_216, atMs }]);
  t.same(parseBrokenAnswers(''), []);
});

t.test('a failure is of an answer that had begun, if the log says so of its connection at its time', async (t) => {
  const begun = (answer: { clientPort?: number; atMs?: number }): unknown =>
    withBrokenAnswers(failure, [{ clientPort: 45_216, atMs, ...answer }]).hasBegun;
  t.equal(begun({}), true);
  t.equal(begun({ clientPort: 45_217 }), undefined);
  t.equal(begun({ atMs: atMs - 2000 }), undefined);
  t.equal(begun({ atMs: atMs + 2000 }), undefined);
  t.equal(withBrokenAnswers(failure, []), failure);
});
