import t from 'tap';
import type { Config } from '../../../config/config.ts';
import { PlaneTls } from '../../../lb/tls/plane-tls.ts';
import type { TlsMaterial } from '../../../lb/tls/tls-material.ts';
import type { TlsProvider } from '../../../lb/tls/tls-provider.ts';
import { LISTENER_TLS } from '../../fixtures/tls-material.ts';

const material = (...names: readonly string[]): TlsMaterial => ({
  listeners: names.map((listener) => ({ listener, pairs: [] })),
  backends: [],
  ticketKeys: Buffer.alloc(80),
});

const config = (...names: readonly string[]): Config =>
  ({
    listeners: names.map((name) => ({ name, engine: 'http', tls: LISTENER_TLS })),
    backends: [],
  }) as unknown as Config;

t.test('the keys of a listener that is gone are not kept', async (t) => {
  const kept = new Set<number>();
  let made = 0;
  const provider = {
    hasEarlyData: true,
    useTicketKeys: () => {},
    createServer: () => {
      const id = ++made;
      kept.add(id);
      return { notices: [], drop: () => kept.delete(id) };
    },
  } as unknown as TlsProvider;
  const notices: string[] = [];
  const tls = new PlaneTls({ createProvider: () => provider, onNotice: (message) => notices.push(message) });
  tls.apply(config('a', 'b'), material('a', 'b'));
  t.same([...kept], [1, 2]);
  tls.apply(config('b'), material('b'));
  t.same([...kept], [3], 'and those of before are replaced');
  tls.apply(config('a', 'b'), material('a', 'b'));
  t.same([...kept], [4, 5]);
  t.same(notices, []);
});
