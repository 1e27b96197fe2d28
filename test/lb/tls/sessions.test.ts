import t from 'tap';
import { loadNativeAddon } from '../../../lb/tls/native-addon.ts';
import { CertificateMaker } from '../../fixtures/certificates.ts';
import { TlsPair } from '../../fixtures/tls-pair.ts';

const files = new CertificateMaker().leaf({ names: ['a.example'] });

function pair(): TlsPair {
  return new TlsPair(() => {
    const loaded = loadNativeAddon();
    if (!loaded.ok) throw new Error(loaded.reason);
    return loaded.addon;
  }, files);
}

t.test('full, resumed and early, and all is given back', async (t) => {
  const tls = pair();
  const slot = tls.slot();
  t.match(tls.exchange({ slot }), { isSecured: true, isResumed: false, wasEarly: false, answer: /^HTTP\/1.1 204/ });
  t.match(tls.exchange({ slot }), { isSecured: true, isResumed: true, wasEarly: false, answer: /^HTTP\/1.1 204/ });
  t.match(tls.exchange({ slot, isEarly: true }), { isResumed: true, wasEarly: true, answer: /^HTTP\/1.1 204/ });
  t.equal(tls.open().sessions, 0);
  tls.close();
  t.same(tls.open(), { sessions: 0, contexts: 0 });
});

t.test('cut after any flight, mangled at any place: it ends, and all is given back', async (t) => {
  const tls = pair();
  const slot = tls.slot();
  tls.exchange({ slot });
  const outcomes = { secured: 0, failed: 0, cut: 0 };
  const kinds = [{}, { slot }, { slot, isEarly: true }];
  for (const kind of kinds) {
    for (const at of [0, 1, 2, 3]) {
      for (let place = 0; place < 900; place += 31) {
        const { isSecured, hasFailed } = tls.exchange({
          ...kind,
          mangle: (flight, _from, count) => {
            if (count !== at) return flight;
            if (place === 0) return undefined;
            const bytes = Buffer.from(flight);
            const here = place % flight.length;
            // Another byte, an end in the middle, or bytes from nowhere.
            if (place % 3 === 0) bytes[here]! ^= 0x55;
            if (place % 3 === 1) return bytes.subarray(0, here);
            return place % 3 === 2 ? Buffer.concat([bytes.subarray(0, here), Buffer.alloc(77, place)]) : bytes;
          },
        });
        outcomes[hasFailed ? 'failed' : isSecured ? 'secured' : 'cut']++;
      }
    }
  }
  t.equal(tls.open().sessions, 0);
  t.ok(outcomes.failed > 30 && outcomes.secured > 30 && outcomes.cut > 30, JSON.stringify(outcomes));
  t.match(tls.exchange(), { isSecured: true, answer: /^HTTP\/1.1 204/ }, 'the next one is served');
  tls.close();
  t.same(tls.open(), { sessions: 0, contexts: 0 });
});

t.test('a client that says something else in its Finished is no client', async (t) => {
  const tls = pair();
  const { isSecured, hasFailed, request } = tls.exchange({
    mangle: (flight, from, count) => {
      if (from === 'client' && count === 2) flight[flight.length - REQUEST_RECORD_BYTES - 1]! ^= 1;
      return flight;
    },
  });
  t.same([isSecured, hasFailed, request], [false, true, '']);
  tls.close();
});

/** 5 of the record's head, the request, its type, and the tag of AES-GCM. */
const REQUEST_RECORD_BYTES = 5 + 35 + 1 + 16;
