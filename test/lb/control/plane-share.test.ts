import t from 'tap';
import type { Config } from '../../../config/config.ts';
import { planeShare } from '../../../lb/control/plane-share.ts';

t.test('the parts of all planes are the whole limit', async (t) => {
  for (const planes of [1, 2, 3, 7]) {
    for (const limit of [0, planes, 10, 100]) {
      if (limit > 0 && limit < planes) continue;
      const config = { planes, backends: [{ name: 'a', requestsPerServer: limit }] } as unknown as Config;
      const parts = Array.from({ length: planes }, (_, i) => planeShare(config, i).backends[0]!.requestsPerServer);
      t.equal(
        parts.reduce((sum, part) => sum + part, 0),
        limit,
        `${limit} for ${planes} planes: ${parts}`,
      );
      t.ok(Math.max(...parts) - Math.min(...parts) <= 1);
    }
  }
});
