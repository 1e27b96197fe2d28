import t from 'tap';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource } from '../fixtures/fake-admin-source.ts';

t.test('a drain is begun, taken back while it can be, and told', async (t) => {
  const source = new FakeAdminSource();
  const app = adminAppOf(source, {}, {});
  const call = async (method: 'GET' | 'POST' | 'DELETE', query = '') => {
    const { statusCode, body } = await app.inject({
      method,
      url: `/api/v1/drain${query}`,
      headers: { host: '127.0.0.1:9797' },
    });
    return [statusCode, (JSON.parse(body) as { state?: string }).state];
  };
  t.strictSame(await call('GET'), [200, 'serving']);
  t.strictSame(await call('POST', '?hold=true'), [202, 'announced']);
  t.strictSame(await call('DELETE'), [200, 'serving']);
  t.strictSame(await call('POST'), [202, 'announced']);
  t.strictSame(source.asked, [
    ['drain', true],
    ['drain', false],
  ]);
  source.drain.state = 'stopping';
  t.strictSame(await call('DELETE'), [409, undefined]);
  t.strictSame(await call('POST', '?hold=maybe'), [400, undefined]);
  const { body } = await app.inject({ url: '/api/v1/events/history', headers: { host: '127.0.0.1:9797' } });
  t.match(body, /drain\.begin portico[\s\S]*drain\.cancel portico/);
});
