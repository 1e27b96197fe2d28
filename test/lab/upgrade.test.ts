import t from 'tap';
import { enterNamespace } from '../fixtures/netns.ts';
import { runOnce } from './short-run.ts';

// On a machine that is busy with other things, processes take a while to start.
t.setTimeout(300_000);
const skip = enterNamespace(import.meta.url) ?? false;

t.test('an upgrade: no request fails, and WebSockets are told to go', { skip }, async (t) => {
  const { explained } = await runOnce(t, ['upgrade', 'reload']);
  const failed = explained.filter(({ failure }) => failure.what === 'request');
  t.same(
    failed.map(({ failure }) => failure.why),
    [],
  );
  t.ok(explained.some(({ failure }) => failure.what === 'websocket'));
});
