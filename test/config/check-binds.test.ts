import t from 'tap';
import { checkBinds } from '../../config/check-binds.ts';

function clashes(admin: string, ...binds: string[]): string[] {
  return checkBinds({
    listeners: binds.map((bind, i) => ({ name: `l${i}`, bind, backend: 'b' })),
    backends: [{ name: 'b', servers: [{ address: '127.0.0.1:1' }] }],
    admin: { listen: admin },
  }).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

t.test('binds clash as they do in the kernel', async (t) => {
  const pairs: [string, string, boolean][] = [
    ['127.0.0.1:80', '127.0.0.1:80', true],
    ['127.0.0.1:80', '127.0.0.2:80', false],
    ['127.0.0.1:80', '127.0.0.1:81', false],
    ['0.0.0.0:80', '127.0.0.1:80', true],
    [':80', '*:80', true],
    ['0.0.0.0:80', '[::1]:80', false],
    ['0.0.0.0:80', '[::]:80', true],
    ['[::]:80', '127.0.0.1:80', true],
    ['[::]:80', '[::1]:80', true],
    ['[::1]:80', '[0:0::1]:80', true],
    ['localhost:80', '127.0.0.1:80', true],
    [':0', ':0', false],
  ];
  for (const [a, b, clash] of pairs) {
    t.same(clashes(':9', a, b), clash ? [`listeners.1.bind: ${b} is taken by listener "l0"`] : [], `${a} ${b}`);
    t.equal(clashes(':9', b, a).length, clash ? 1 : 0, `${b} ${a}`);
  }
});

t.test('the admin server is one of them', async (t) => {
  t.same(clashes('127.0.0.1:80', ':80'), ['admin.listen: 127.0.0.1:80 is taken by listener "l0"']);
  t.same(clashes('unix:/run/x', ':80'), []);
});
