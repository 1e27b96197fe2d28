import t from 'tap';
import type { ListenerConfig } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import { loadTcpBinding } from '../../lb/net/tcp-binding.ts';
import { ListenSockets } from '../../src/listen-sockets.ts';

function listeners(limits: string): readonly ListenerConfig[] {
  const loaded = loadConfig(
    `
listeners:
  - { name: web, bind: "127.0.0.1:0", backend: app, limits: ${limits} }
  - { name: raw, bind: "127.0.0.1:0", engine: tcp, backend: app }
backends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }]`,
    { file: 'test', directory: '/', cpuCount: 1 },
  );
  if (!loaded.ok) throw new Error(loaded.faults[0]!.message);
  return loaded.config.listeners;
}

t.test(
  'sockets that planes accept from keep to limits.unsent, also after a reload and in the hands of the next primary',
  async (t) => {
    const set: number[] = [];
    const sockets = new ListenSockets(loadTcpBinding(), (_socket, bytes) => set.push(bytes) > 0);
    t.teardown(() => sockets.close());
    const before = listeners('{ unsent: 16KiB }');
    for (const listener of before) sockets.bind(listener);
    t.same(set.splice(0), [16_384, 65_536]);
    const next = listeners('{ unsent: unlimited }');
    const change = sockets.prepare(before, next);
    t.same(set, [], 'nothing is in force before the commit');
    change.commit();
    t.same(set.splice(0), [Number.POSITIVE_INFINITY, 65_536]);
    change.abort();
    t.same(set.splice(0), [16_384, 65_536]);
    sockets.adopt('web', sockets.accepting.get('web')!.handle);
    sockets.bind(before[0]!);
    t.same(set, [16_384]);
  },
);
