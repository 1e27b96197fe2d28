import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { noBrowser, openPage, startBrowser, untilText } from '../../fixtures/browser.ts';
import { freePorts } from '../../fixtures/portico-process.ts';
import { SteadyLoad } from '../../fixtures/steady-load.ts';
import { press, startPortico } from '../../fixtures/ui-lab.ts';

const skip = noBrowser ?? false;

/** A server that answers with its name; resolves with its port. */
async function startServer(t: Test, name: string): Promise<number> {
  const server = http.createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

t.test('config: faults are told in place, and what is right changes where requests go', { skip }, async (t) => {
  const [one, two] = [await startServer(t, 'one'), await startServer(t, 'two')];
  const [port, admin] = await freePorts();
  const file = await startPortico(
    t,
    `# kept
planes: 1
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends:
  - name: app
    servers: [{ address: "127.0.0.1:${one}", weight: 3 }]
`,
  );
  const load = new SteadyLoad(port, { clients: 1 });
  t.teardown(() => load.stop());
  await load.answered('one');
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const { page, complaints } = await openPage(browser, `http://127.0.0.1:${admin}/#/config`);
  await page.waitForSelector('.editor-text');
  const edit = (from: string, to: string) =>
    page.evaluate(`{
      const area = document.querySelector('.editor-text');
      const at = area.value.indexOf(${JSON.stringify(from)});
      area.focus();
      area.setRangeText(${JSON.stringify(to)}, at, at + ${from.length}, 'end');
      area.dispatchEvent(new InputEvent('input', { bubbles: true }));
    }`);
  await edit('weight: 3', 'weigth: 3');
  await untilText(page, '.faults', /unknown key "weigth".*did you mean "weight"/);
  t.equal(await page.$eval('.toolbar-end .primary', (each) => (each as { disabled?: boolean }).disabled), true);
  await page.waitForSelector('.editor-lines .is-bad');
  await edit('weigth: 3', 'weight: 5');
  await edit(`127.0.0.1:${one}`, `127.0.0.1:${two}`);
  await untilText(page, '.diff', /weight: 5/);
  await press(page, 'Apply…');
  await untilText(page, 'dialog', /Apply this config\?/);
  await press(page, 'Apply');
  await untilText(page, '.notices', /The config is in force/);
  t.match(readFileSync(file, 'utf8'), /# kept[\s\S]*weight: 5/);
  await load.answered('two');
  await press(page, 'Roll back…');
  await press(page, 'Roll back');
  await untilText(page, '.notices', /The config before is in force again/);
  t.match(readFileSync(file, 'utf8'), /weight: 3/);
  await load.answered('one');
  await load.stop();
  t.strictSame(load.failures, [], 'no request failed');
  t.strictSame(complaints, []);
});
