import t from 'tap';
import { reloadUnderLoad, WEIGHTS } from '../fixtures/haproxy-reloads.ts';
import { noHaproxy } from '../fixtures/running-haproxy.ts';

/** `npm run soak-haproxy` does a hundred. */
const RELOADS = 6;

t.test(
  `${RELOADS} reloads and ${RELOADS * WEIGHTS} changes of weight under load: no request fails, by TLS neither`,
  { skip: noHaproxy },
  async (t) => {
    const { answered, failed, log } = await reloadUnderLoad(t, { reloads: RELOADS });
    t.same(failed, []);
    t.notMatch(log, 'socket', 'that its sockets are away for a moment is no trouble');
    t.ok(answered.plain > RELOADS, `${answered.plain} requests answered`);
    t.ok(answered.tls > RELOADS, `${answered.tls} requests answered by TLS`);
  },
);
