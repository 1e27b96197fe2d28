import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { readUiFiles } from '../../admin/ui-files.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource } from '../fixtures/fake-admin-source.ts';

const PAGE = '<!doctype html><title>Portico</title><script type="module" src="./assets/index-1.js"></script>';

function appOf(folder: string, token?: string) {
  const app = adminAppOf(new FakeAdminSource(), { ui: readUiFiles(folder) }, { token });
  return (url: string, headers = {}) => app.inject({ url, headers: { host: 'localhost', ...headers } });
}

function built(folder: string): string {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), PAGE);
  writeFileSync(join(folder, 'assets/index-1.js'), 'code();');
  writeFileSync(join(folder, 'assets/index-1.js.br'), brotliCompressSync('code();'));
  writeFileSync(join(folder, 'assets/index-1.js.gz'), gzipSync('code();'));
  writeFileSync(join(folder, 'assets/plain-1.js'), 'plain();');
  writeFileSync(join(folder, 'secret'), 'not to be served');
  return folder;
}

t.test('the page is under a policy that allows nothing but its own files', async (t) => {
  const get = appOf(built(t.testdir()));
  const { statusCode, headers, body } = await get('/');
  t.equal(statusCode, 200);
  t.equal(body, PAGE);
  const policy = String(headers['content-security-policy']);
  t.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
  t.match(policy, /frame-ancestors 'none'/);
  t.notMatch(policy, /unsafe|data:|\*|https?:/);
  t.match(headers, {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  });
  t.equal((await get('/', { 'if-none-match': headers.etag })).statusCode, 304, 'and is asked for again');
});

t.test('assets are kept for ever, and smaller where the browser can', async (t) => {
  const get = appOf(built(t.testdir()));
  const plain = await get('/assets/index-1.js');
  t.match(plain.headers, {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'Accept-Encoding',
  });
  t.equal(plain.body, 'code();');
  const brotli = await get('/assets/index-1.js', { 'accept-encoding': 'gzip, br' });
  t.equal(brotli.headers['content-encoding'], 'br');
  t.equal(brotliDecompressSync(brotli.rawPayload).toString(), 'code();');
  const gzip = await get('/assets/index-1.js', { 'accept-encoding': 'gzip' });
  t.equal(gunzipSync(gzip.rawPayload).toString(), 'code();');
  const uncompressed = await get('/assets/plain-1.js', { 'accept-encoding': 'gzip, br' });
  t.notOk(uncompressed.headers['content-encoding']);
  t.equal(uncompressed.body, 'plain();');
  t.equal((await get('/assets/index-1.js.br')).statusCode, 404);
});

t.test('nothing else of the disk is served', async (t) => {
  const get = appOf(built(t.testdir()));
  const urls = [
    '/assets/nothing.js',
    '/assets/',
    '/assets/..%2Fsecret',
    '/assets/../secret',
    '/assets/%2e%2e%2fsecret',
  ];
  for (const url of [...urls, '/secret', '/index.html', '/assets/..%5csecret', '/assets/index-1.js/x']) {
    const { statusCode, headers } = await get(url);
    t.equal(statusCode, 404, url);
    t.match(headers['content-type'], /^application\/problem\+json/, url);
  }
});

t.test('the page needs no token, since it asks for one; what it shows does', async (t) => {
  const get = appOf(built(t.testdir()), 'secret');
  t.equal((await get('/')).statusCode, 200);
  t.equal((await get('/assets/index-1.js')).statusCode, 200);
  t.equal((await get('/api/v1/overview')).statusCode, 401);
  t.equal((await get('/', { host: 'evil.example' })).statusCode, 421, 'nor does it answer to other names');
});

t.test('where it was not built, the page says how to', async (t) => {
  const get = appOf(join(t.testdir(), 'nothing'));
  const page = await get('/');
  t.equal(page.statusCode, 200);
  t.match(page.body, /npm run setup/);
  t.equal((await get('/assets/index-1.js')).statusCode, 404);
});
