import fc from 'fast-check';
import t from 'tap';
import { parse } from 'yaml';
import { isSecret, SecretCover } from '../../config/secrets.ts';

/** A name that says nothing, as it is in use the HMAC of the secret. */
const names = new Map<string, string>();
const cover = new SecretCover((secret) => {
  const name = names.get(secret) ?? (names.size + 1).toString(16).padStart(12, '0');
  names.set(secret, name);
  return name;
});

const TEXT = `# by hand
listeners:
  - name: web
    request_headers:
      set:
        Authorization: Bearer abc.def # for the API
        X-Plain: shown
      add: { X-Api-Key: 'quo''ted', "Cookie": "a=b" }
backends:
  - name: app
    sticky:
      cookie: s
      key: &shared 0123456789abcdef
    other: { sticky: { key: *shared } }
    certificates: [{ cert: a.pem, key: a.key }]
    request_headers:
      set:
        x-token: |
          of two
          lines
        x-after: shown
`;

t.test('what is a secret', async (t) => {
  for (const path of ['sticky.key', 'set.Authorization', 'add.x-api-key', 'set.Proxy-Authorization', 'a.token']) {
    t.ok(isSecret(path.split('.')), path);
  }
  for (const path of ['', 'certificates.key', 'admin.token_file', 'set.X-Plain', 'hash.cookie', 'sticky.cookie']) {
    t.notOk(isSecret(path.split('.')), path);
  }
});

t.test('secrets are covered, and nothing else is touched', async (t) => {
  const hidden = cover.hide(TEXT);
  for (const secret of ['abc.def', 'ted', 'a=b', '0123456789abcdef', 'of two'])
    t.notOk(hidden.includes(secret), secret);
  for (const text of ['# by hand', '# for the API', 'X-Plain: shown', 'key: a.key', 'x-after: shown', '*shared']) {
    t.ok(hidden.includes(text), text);
  }
  t.equal(parse(hidden).backends[0].request_headers.set['x-after'], 'shown', 'it is YAML still');
  t.strictSame(parse(cover.reveal(hidden, TEXT)), parse(TEXT));
  t.equal(cover.hide(hidden), hidden, 'once is enough');
});

t.test('the rest can be edited without the secrets', async (t) => {
  const edited = cover.hide(TEXT).replace('X-Plain: shown', 'X-Plain: other').replace('name: web', 'name: www');
  const revealed = cover.reveal(edited, TEXT);
  t.equal(revealed.includes('Authorization: Bearer abc.def # for the API'), true, 'as it was written');
  t.equal(SecretCover.findPlaceholder(revealed), undefined);
  t.type(SecretCover.findPlaceholder(cover.reveal(edited, 'listeners: []')), 'number', 'a secret of another file');
});

t.test('a text that is no YAML has none either', async (t) => {
  const broken = 'a: [\n  sticky:\n  key: topsecret123456\n   Authorization: "Bearer abc"\nname: x\n';
  const hidden = cover.hide(broken);
  t.notMatch(hidden, /topsecret|abc/);
  t.match(hidden, /name: x/);
});

t.test('any value comes back', async () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (secret, plain) => {
      const text = `a: ${JSON.stringify(plain)}\nset:\n  authorization: ${JSON.stringify(secret)}\n  b: 1\n`;
      const hidden = cover.hide(text);
      const revealed = parse(cover.reveal(hidden, text));
      const value = parse(hidden).set.authorization as string;
      return revealed.set.authorization === secret && revealed.a === plain && /^<secret [0-9a-f]{12}>$/.test(value);
    }),
  );
});
