import type { Browser } from 'puppeteer-core';
import t from 'tap';
import { EventFeed } from '../../../admin/events/event-feed.ts';
import { AdminServer } from '../../../admin/server.ts';
import { systemClock } from '../../../lb/clock.ts';
import { noBrowser, openPage, startBrowser, until, untilText } from '../../fixtures/browser.ts';
import { FakeAdminSource } from '../../fixtures/fake-admin-source.ts';
import { FakeConfigSource } from '../../fixtures/fake-config-source.ts';
import { press } from '../../fixtures/ui-lab.ts';

const skip = noBrowser ?? false;
const TEXT = `# kept
listeners: [{ name: web, bind: "127.0.0.1:80", backend: app }]
backends:
  - name: app
    servers: [{ address: "127.0.0.1:1", weight: 3 }]
`;

let browser: Browser;
t.before(async () => {
  if (noBrowser === undefined) browser = await startBrowser();
});
t.teardown(() => browser?.close());

t.test('config: faults are told in place, and what is right is applied', { skip }, async (t) => {
  const config = new FakeConfigSource(TEXT);
  const events = new EventFeed({ epochMs: Date.now });
  const server = new AdminServer(
    { source: new FakeAdminSource(), clock: systemClock, epochMs: Date.now, events, config },
    { listen: { host: '127.0.0.1', port: 0 } },
  );
  const url = await server.start();
  t.teardown(() => server.stop());
  const { page, complaints } = await openPage(browser, `${url}/#/config`);
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
  await untilText(page, '.diff', /weight: 5/);
  await press(page, 'Apply…');
  await untilText(page, 'dialog', /Apply this config\?/);
  await press(page, 'Apply');
  await until(page, `document.querySelector('.notices .notice') ?? document.querySelector('dialog [role=alert]')`);
  await untilText(page, '.notices', /The config is in force/);
  t.match(config.fileText, /# kept[\s\S]*weight: 5/);
  await press(page, 'Roll back…');
  await press(page, 'Roll back');
  await untilText(page, '.notices', /The config before is in force again/);
  t.match(config.fileText, /weight: 3/);
  t.strictSame(complaints, []);
  await page.browserContext().close();
});
