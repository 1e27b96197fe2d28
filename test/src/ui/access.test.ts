import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { noBrowser, openPage, until, untilText } from '../../fixtures/browser.ts';
import { freePorts } from '../../fixtures/portico-process.ts';
import { startPortico, startUiLab, type UiLab } from '../../fixtures/ui-lab.ts';

const PAGES = ['overview', 'ports', 'backends', 'routes', 'setup', 'config', 'events'];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const skip = noBrowser ?? false;
let lab: UiLab;
t.before(async () => {
  if (noBrowser === undefined) lab = await startUiLab(t);
});

t.test('with the keyboard alone', { skip }, async (t) => {
  const page = await lab.open(t, 'overview');
  const focused = () => page.evaluate('document.activeElement.textContent.trim()');
  await page.keyboard.press('Tab');
  t.equal(await focused(), 'Skip to the content');
  await page.keyboard.press('Enter');
  t.equal(await page.evaluate('document.activeElement.id'), 'main');
  await page.evaluate('document.activeElement.blur()');
  for (let i = 0; i < 20 && (await focused()) !== 'Backends'; i++) await page.keyboard.press('Tab');
  t.equal(await focused(), 'Backends');
  await page.keyboard.press('Enter');
  await untilText(page, 'h1', /^Backends$/);
  await until(page, `document.activeElement.tagName === 'H1'`);
  // The way to it is short only once the servers are there.
  await until(
    page,
    `[...document.querySelectorAll('main button')].some(({ textContent }) => /^Edit/.test(textContent))`,
  );
  for (let i = 0; i < 20 && !/^Edit/.test(String(await focused())); i++) await page.keyboard.press('Tab');
  t.match(await focused(), /^Edit/);
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Escape');
  await until(page, `document.querySelector('dialog') === null`);
  await until(page, `/^Edit/.test(document.activeElement.textContent)`);
});

for (const name of PAGES) {
  t.test(`${name}: no barrier that axe knows, in light and dark; no scrolling aside at 360 px`, { skip }, async (t) => {
    const page = await lab.open(t, name, 360);
    await until(page, `document.querySelector('main').childElementCount > 1`);
    for (const value of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
      await page.evaluate(AXE);
      const found = (await page.evaluate(
        `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => [id, ...nodes.map((node) => node.html + ' ' + node.failureSummary)]))`,
      )) as unknown;
      t.strictSame(found, [], value);
    }
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
  });
}

t.test('a token is asked for, and kept for this tab alone', { skip }, async (t) => {
  const [port, admin] = await freePorts();
  const token = join(t.testdir(), 'token');
  writeFileSync(token, 'a-secret-of-many-letters-0123456789\n', { mode: 0o600 });
  await startPortico(
    t,
    `
planes: 1
admin: { listen: "127.0.0.1:${admin}", token_file: ${token} }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, servers: [{ address: "${lab.servers[0]}" }] }]
`,
  );
  const { page } = await openPage(lab.browser, `http://127.0.0.1:${admin}/`);
  await page.waitForSelector('dialog input');
  await page.type('dialog input', 'wrong');
  await page.keyboard.press('Enter');
  await untilText(page, 'dialog', /That token was not taken/);
  await page.click('dialog input', { count: 3 });
  await page.type('dialog input', 'a-secret-of-many-letters-0123456789');
  await page.keyboard.press('Enter');
  await untilText(page, 'header', /Live/);
  await untilText(page, 'table', /web/);
  t.match(await page.evaluate('JSON.stringify(sessionStorage)'), /a-secret/);
  t.notMatch(await page.evaluate('JSON.stringify(localStorage) + document.cookie + location.href'), /a-secret/);
});
