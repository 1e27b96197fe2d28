import t from 'tap';
import { enterNamespace } from '../fixtures/netns.ts';
import { noHaproxy } from '../fixtures/running-haproxy.ts';
import { OTHER_ENGINES } from './lab-listener.ts';
import { runOnce } from './short-run.ts';

// On a machine that is busy with other things, processes take a while to start.
t.setTimeout(300_000);
const skip = noHaproxy || (enterNamespace(import.meta.url) ?? false);

t.test('HAProxy and the kernel go on, whatever happens to Portico', { skip }, async (t) => {
  const kinds = [
    'plane-kill',
    'primary-kill',
    'upgrade',
    'reload',
    'haproxy-kill',
    'server-kill',
    'server-reset',
  ] as const;
  const { explained } = await runOnce(t, kinds, OTHER_ENGINES);
  const ofServers = ['server-kill', 'server-reset'];
  const others = explained.filter(
    ({ by, failure: { listener } }) => listener !== 'web' && !ofServers.includes(by.fault),
  );
  t.same(
    others.filter(({ failure: { listener } }) => listener === 'kernel'),
    [],
  );
  t.same(
    others.filter(
      ({ failure: { listener }, by }) => listener === 'haproxy' && !['reload', 'haproxy-kill'].includes(by.fault),
    ),
    [],
  );
});
