import t from 'tap';
import { formatFault } from '../../config/fault.ts';
import { loadConfig } from '../../config/load.ts';

function load(lines: { listener?: string; backend?: string; top?: string }): string[] {
  const text = `
listeners: [{ name: web, bind: 127.0.0.1:0, backend: app, ${lines.listener ?? ''} }]
backends: [{ name: app, servers: [{ address: 127.0.0.1:9001 }], ${lines.backend ?? ''} }]
${lines.top ?? ''}
`;
  const result = loadConfig(text, { file: 'f', directory: '/', cpuCount: 1 });
  return result.ok ? [] : result.faults.map(formatFault);
}

t.test('a zero that would spin or never end is refused', async (t) => {
  for (const zero of ['0', '"0"', '0s', '0.000s', '0ms', '0.5ms']) {
    t.match(
      load({ backend: `health: { interval: ${zero} }` }),
      [/health\.interval is .*not a duration from 1ms/],
      zero,
    );
  }
  t.match(load({ backend: 'timeouts: { connect: 0s }' }), [/timeouts\.connect/]);
  t.match(load({ top: 'sources: [{ name: s, addresses: [127.0.1.1], exhaustion: { timeout: 0s } }]' }), [
    /exhaustion\.timeout/,
  ]);
});

t.test('a zero that means something can be written as one', async (t) => {
  t.same(load({ listener: 'timeouts: { websocket_idle: 0 }', top: 'drain_timeout: 0' }), []);
  t.same(load({ listener: 'timeouts: { websocket_idle: "0" }', top: 'drain_timeout: 0s' }), []);
});

t.test(
  'a second request is sent after a time, or after a share of the answers, and where there may be a second server',
  async (t) => {
    for (const after of ['50ms', '1s', 'p90', 'p95', 'p99'])
      t.same(load({ backend: `hedge: { after: ${after} }` }), []);
    t.match(load({ backend: 'hedge: { after: 0s }' }), [
      /hedge\.after is "0s", which is not a duration from 1ms to 24d, or p90/,
    ]);
    t.match(load({ backend: 'hedge: { after: p50 }' }), [/hedge\.after is "p50", which does not fit/]);
    t.match(load({ backend: 'hedge: {}' }), [/hedge has no "after"/]);
    for (const other of ['sticky: { cookie: a }', 'proxy_protocol: v1']) {
      t.match(load({ backend: `hedge: { after: p95 }, ${other}` }), [/a request has one server/]);
    }
  },
);

t.test('time-outs and rates of slow clients have bounds', async (t) => {
  const good = 'timeouts: { body: 30s, send: 5m }, limits: { body_rate: 0, answer_rate: 1000 }';
  t.same(load({ listener: good }), []);
  t.match(load({ listener: 'timeouts: { body: 0 }' }), [/timeouts\.body is .*not a duration from 1ms/]);
  t.match(load({ listener: 'timeouts: { send: 25d }' }), [/timeouts\.send is .*not a duration from 1ms to 24d/]);
  t.match(load({ listener: 'limits: { body_rate: -1 }' }), [/limits\.body_rate is -1, which does not fit/]);
  t.match(load({ listener: 'limits: { answer_rate: 1KiB }' }), [/limits\.answer_rate is "1KiB", which does not fit/]);
});

t.test('no duration outgrows a timer', async (t) => {
  t.same(load({ top: 'drain_timeout: 24d' }), []);
  t.same(load({ top: 'drain_timeout: 25d' }), [
    'f:4:16: drain_timeout is "25d", which is not a duration of at most 24d',
  ]);
});

t.test('request heads have bounds, bodies need none', async (t) => {
  for (const size of ['1KiB', '1024', '1MiB']) t.same(load({ listener: `limits: { header_size: ${size} }` }), [], size);
  for (const size of ['1023', '2m', 'unlimited', '0']) {
    t.match(load({ listener: `limits: { header_size: ${size} }` }), [/header_size is .* not a size from 1KiB/], size);
  }
  t.same(load({ listener: 'limits: { body_size: 0 }' }), []);
  t.same(load({ listener: 'limits: { body_size: unlimited, websocket_message_size: 1g }' }), []);
});
