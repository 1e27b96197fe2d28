import t from 'tap';
import { enterNamespace } from '../fixtures/netns.ts';
import { runOnce } from './short-run.ts';

// On a machine that is busy with other things, processes take a while to start.
t.setTimeout(300_000);
const skip = enterNamespace(import.meta.url) ?? false;

t.test('planes and workers are killed and stopped: only what they held is lost', { skip }, async (t) => {
  await runOnce(t, ['plane-kill', 'plane-stop', 'worker-kill', 'worker-stop']);
});
