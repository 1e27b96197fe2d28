import t from 'tap';
import { enterNamespace } from '../fixtures/netns.ts';
import { runOnce } from './short-run.ts';

// On a machine that is busy with other things, processes take a while to start.
t.setTimeout(300_000);
const skip = enterNamespace(import.meta.url) ?? false;

t.test('the primary is killed, stopped and reloaded: nobody notices', { skip }, async (t) => {
  const { explained } = await runOnce(t, ['primary-kill', 'primary-stop', 'reload', 'reload-invalid']);
  t.same(explained, []);
});
