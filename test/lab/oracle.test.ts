import t from 'tap';
import { type Disturbance, explain, type Failure } from './oracle.ts';

const failure: Failure = {
  what: 'request',
  listener: 'web',
  backend: 'servers',
  isSafe: true,
  port: 40_000,
  connectedMs: 50,
  startedMs: 100,
  endedMs: 200,
  why: 'ECONNRESET',
  isWrong: false,
};
const disturbance = { fault: 'some', fromMs: 150, untilMs: 300 };

/** Failure, disturbance, whether the one explains the other, why. */
const CASES: readonly [Partial<Failure>, Omit<Disturbance, 'fault' | 'fromMs' | 'untilMs'>, boolean, string][] = [
  [{}, {}, false, 'one that does nothing'],
  [{}, { clientPorts: new Set([40_000]) }, true, 'on the process that was killed'],
  [{}, { clientPorts: new Set([40_001]) }, false, 'on another process'],
  [
    { connectedMs: 160 },
    { clientPorts: new Set([40_000]) },
    false,
    'another connection of the same port, opened after it',
  ],
  [{ isWrong: true }, { clientPorts: new Set([40_000]) }, false, 'a wrong answer'],
  [{}, { unsafeTo: 'servers' }, false, 'a request that could have been sent again'],
  [{ isSafe: false }, { unsafeTo: 'servers' }, true, 'one that could not'],
  [{ hasBegun: true }, { unsafeTo: 'servers' }, true, 'an answer that was cut'],
  [{ hasBegun: true }, { unsafeTo: 'workers' }, false, 'an answer of another backend that was cut'],
  [{ isSafe: false }, { unsafeTo: 'workers' }, false, 'one to another backend'],
  [{ isSafe: false, endedMs: 140 }, { unsafeTo: 'servers' }, false, 'over before'],
  [{ isSafe: false, startedMs: 310, endedMs: 320 }, { unsafeTo: 'servers' }, false, 'begun after'],
  [{ isSafe: false, startedMs: 250, endedMs: 900 }, { unsafeTo: 'servers' }, true, 'begun while it lasted'],
  [{}, { drains: ['web'] }, false, 'a request in a drain'],
  [{ what: 'repeat' }, { drains: ['web'] }, true, 'a kept connection that a drain closed'],
  [{ what: 'repeat' }, { unsafeTo: 'servers' }, false, 'a kept connection that ended before any answer'],
  [{ what: 'repeat', hasBegun: true }, { unsafeTo: 'servers' }, true, 'a kept connection whose answer was cut'],
  [{ what: 'repeat', hasBegun: true }, { unsafeTo: 'workers' }, false, 'one whose answer was of another backend'],
  [{ what: 'repeat' }, {}, false, 'a kept connection that was closed for nothing'],
  [{ what: 'websocket', why: 'closed with 1001' }, { drains: ['web'] }, true, 'a WebSocket that was told to go'],
  [{ what: 'websocket', why: 'closed with 1006' }, { drains: ['web'] }, false, 'a WebSocket that was cut'],
  [{ what: 'websocket', serverPid: 7 }, { serverPid: 7 }, true, 'a WebSocket to a server that died'],
  [{ what: 'websocket', serverPid: 7 }, { serverPid: 8 }, false, 'a WebSocket to another server'],
  [
    { what: 'websocket', source: '10.0.0.1' },
    { source: '10.0.0.1' },
    true,
    'a WebSocket from an address that was taken',
  ],
  [{ what: 'websocket', endedMs: 400, serverPid: 7 }, { serverPid: 7 }, false, 'a WebSocket that ended long after'],
  [
    { listener: 'kernel' },
    { clientPorts: new Set([40_000]) },
    false,
    'a connection of the kernel when a plane is killed',
  ],
  [{ listener: 'raw' }, { clientPorts: new Set([40_000]) }, true, 'a connection that a plane passed on unseen'],
  [{ listener: 'kernel' }, { unsafeTo: 'servers' }, true, 'a request that nobody could send again'],
  [
    { listener: 'haproxy', why: 'status 502' },
    { unsafeTo: 'servers' },
    false,
    'a request that HAProxy could send again',
  ],
  [{ listener: 'haproxy', why: 'status 503' }, { unsafeTo: 'servers' }, true, 'one that it gave up'],
  [{ why: 'status 503' }, { unsafeTo: 'servers' }, false, 'one that the http engine gave up'],
  [{ listener: 'kernel' }, { unsafeTo: 'servers', listeners: ['web'] }, false, 'what is felt elsewhere'],
  [{ listener: 'raw' }, { drains: ['web', 'raw'] }, true, 'a stream at the end of a drain'],
  [{ listener: 'kernel' }, { drains: ['web', 'raw'] }, false, 'a connection of the kernel in a drain of others'],
  [{ listener: 'haproxy' }, { cuts: ['haproxy'] }, true, 'a listener whose process is gone'],
  [{ listener: 'web' }, { cuts: ['haproxy'] }, false, 'another listener than that whose process is gone'],
];

for (const [what, does, isExplained, why] of CASES) {
  t.test(why, async (t) => {
    const by = explain({ ...failure, ...what }, [{ ...disturbance, ...does }]);
    t.equal(by?.fault, isExplained ? 'some' : undefined);
  });
}
