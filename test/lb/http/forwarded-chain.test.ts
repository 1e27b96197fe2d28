import fc from 'fast-check';
import t from 'tap';
import { findOrigin, forwardedElement, parseForwarded, parseXForwardedFor } from '../../../lb/http/forwarded-chain.ts';

const isTrusted = (address: string): boolean => address.startsWith('10.') || address === 'fd00::1';

t.test('the client is the last address that is no trusted proxy', async (t) => {
  const cases: [string, string | undefined][] = [
    ['9.9.9.9', '9.9.9.9'],
    ['6.6.6.6, 9.9.9.9, 10.0.0.1', '9.9.9.9'],
    ['6.6.6.6,9.9.9.9,10.0.0.1, 10.0.0.2', '9.9.9.9'],
    ['10.0.0.3, 10.0.0.1', '10.0.0.3'],
    ['9.9.9.9:4711, 10.0.0.1', '9.9.9.9'],
    ['[2001:db8::1]:80, fd00::1', '2001:db8::1'],
    ['6.6.6.6, unknown, 10.0.0.1', '10.0.0.1'],
    ['unknown', undefined],
    ['', undefined],
    ['9.9.9.9,', undefined],
  ];
  for (const [value, expected] of cases)
    t.equal(findOrigin(parseXForwardedFor(value), isTrusted)?.address, expected, value);
});

t.test('Forwarded, with quotes and what is not asked for', async (t) => {
  const cases: [string, string | undefined, string | undefined][] = [
    ['for=9.9.9.9;proto=https', '9.9.9.9', 'https'],
    ['For="[2001:db8::1]:80"; Proto=HTTP;by=x', '2001:db8::1', 'http'],
    ['for=6.6.6.6;proto=http, for=9.9.9.9;proto=https, for=10.0.0.1;proto=http', '9.9.9.9', 'https'],
    ['for="9.9.9.9";host="a, for=1.1.1.1"', '9.9.9.9', undefined],
    ['for="9.9.9.9\\"', undefined, undefined],
    ['for=_hidden', undefined, undefined],
    ['proto=gopher;for=9.9.9.9', '9.9.9.9', undefined],
  ];
  for (const [value, address, scheme] of cases) {
    const origin = findOrigin(parseForwarded(value), isTrusted);
    t.equal(origin?.address, address, value);
    t.equal(origin?.scheme, scheme, value);
  }
});

t.test('this hop’s own element reads back', async () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  const host = fc.stringMatching(/^[a-z0-9.:[\]-]{0,20}$/);
  fc.assert(
    fc.property(address, host, fc.constantFrom('http', 'https'), (address, host, scheme) => {
      const [hop, ...rest] = parseForwarded(forwardedElement(address, host, scheme));
      return rest.length === 0 && hop?.address === address && hop.scheme === scheme;
    }),
  );
});

t.test('no value makes it throw, and what it finds was there', async () => {
  const text = fc.array(
    fc.constantFrom('for=', '9.9.9.9', '10.0.0.1', ',', ';', '"', '\\', ' ', 'proto=', 'https', '[', ']', '::1', 'x'),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(text, (parts) => {
      const value = parts.join('');
      for (const parse of [parseForwarded, parseXForwardedFor]) {
        const origin = findOrigin(parse(value), isTrusted);
        if (origin !== undefined && !value.includes(origin.address)) return false;
      }
      return true;
    }),
  );
});
