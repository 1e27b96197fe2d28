import t from 'tap';
import { enterNamespace } from '../fixtures/netns.ts';
import { BACK_FAULTS } from './fault.ts';
import { runOnce } from './short-run.ts';

// On a machine that is busy with other things, processes take a while to start.
t.setTimeout(300_000);
const skip = enterNamespace(import.meta.url) ?? false;

t.test(
  'servers, links, addresses and the log disk fail: requests that may be sent twice do not',
  { skip },
  async (t) => {
    const { explained } = await runOnce(t, BACK_FAULTS);
    t.same(
      explained
        .filter(({ failure }) => failure.what === 'request' && failure.isSafe && failure.hasBegun !== true)
        .map(({ failure }) => failure.why),
      [],
    );
  },
);
