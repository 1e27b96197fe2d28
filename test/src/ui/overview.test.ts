import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'puppeteer-core';
import t from 'tap';
import { noBrowser, openPage, startBrowser, untilText } from '../../fixtures/browser.ts';
import { freePorts, PorticoProcess, writeConfig } from '../../fixtures/portico-process.ts';

const skip = noBrowser ?? false;
let browser: Browser;
t.before(async () => {
  if (noBrowser === undefined) browser = await startBrowser();
});
t.teardown(() => browser?.close());

t.test('the overview shows what happens', { skip }, async (t) => {
  const server = http.createServer((request, response) => {
    response.writeHead(request.url === '/broken' ? 500 : 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port: serverPort } = server.address() as AddressInfo;
  const [port, admin] = await freePorts();
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: 1
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", routes: [{ path: /dead, backend: dead }, { backend: app }] }]
backends:
  - { name: app, servers: [{ address: "127.0.0.1:${serverPort}" }] }
  - { name: dead, health: { path: / , interval: 200ms }, servers: [{ address: "127.0.0.1:1" }] }
`),
  ]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Status: http/);
  const { page, complaints } = await openPage(browser, `http://127.0.0.1:${admin}/`);
  await untilText(page, 'header', /Live/);
  await untilText(page, '.attention', /Backend dead has no server to send to.*ECONNREFUSED/);
  await untilText(page, 'table', /web.*http.*127\.0\.0\.1/);
  const send = (path: string) =>
    new Promise((resolve) => {
      http.get({ port, path, agent: false }, (answer) => answer.resume().on('end', resolve)).on('error', resolve);
    });
  const sender = setInterval(() => void Promise.all([send('/'), send('/broken')]), 20);
  t.teardown(() => clearInterval(sender));
  await untilText(page, '.attention', /of answers are server errors/);
  await untilText(page, '.tile', /^Requests\s*[1-9]/);
  await page.waitForSelector('.chart canvas');
  clearInterval(sender);
  portico.child.kill('SIGTERM');
  await untilText(page, 'header', /No answer/);
  t.strictSame(complaints, [], 'no fault, and nothing that the policy of the page kept out');
});
