import t from 'tap';
import { noBrowser, until, untilText } from '../../fixtures/browser.ts';
import { fill, press, startUiLab, type UiLab } from '../../fixtures/ui-lab.ts';

const skip = noBrowser ?? false;
let lab: UiLab;
t.before(async () => {
  if (noBrowser === undefined) lab = await startUiLab(t);
});

t.test('ports: an address is added, used and drained', { skip }, async (t) => {
  for (let i = 0; i < 8; i++) await lab.send();
  const page = await lab.open(t, 'ports');
  await untilText(page, '[role=row]', /127\.0\.7\.1.*ready/);
  await until(
    page,
    `document.querySelector('canvas[role=img]')?.getAttribute('aria-label').includes('free of 5000 ports')`,
  );
  await press(page, 'Add address to pool default');
  await fill(page, '127.0.7.300');
  await page.keyboard.press('Enter');
  await untilText(page, 'dialog [role=alert]', /./);
  await press(page, 'Cancel');
  await until(page, `document.querySelector('dialog') === null`);
  await press(page, 'Add address to pool default');
  await fill(page, '127.0.7.9');
  await page.keyboard.press('Enter');
  await untilText(page, '.notices', /127\.0\.7\.9 was added/);
  await untilText(page, '[role=row]', /127\.0\.7\.9.*ready/);
  for (let i = 0; i < 12; i++) await lab.send();
  await press(page, 'Drain 127.0.7.9');
  await untilText(page, 'dialog', /No new connection leaves from it/);
  await press(page, 'Drain');
  await untilText(page, '.notices', /127\.0\.7\.9 is being drained/);
  await until(
    page,
    `![...document.querySelectorAll('[role=row]')].some((row) => /127\\.0\\.7\\.9.*ready/.test(row.textContent))`,
  );
  await page.type('input[type=search]', '127.0.7.2');
  await until(
    page,
    `![...document.querySelectorAll('[role=row]')].some((row) => row.textContent.includes('127.0.7.1'))`,
  );
});

t.test('backends: a server is drained, made ready, weighted, added and removed', { skip }, async (t) => {
  const page = await lab.open(t, 'backends/app');
  const [first, second] = lab.servers;
  const row = (pattern: string) => untilText(page, '[role=row]', new RegExp(pattern));
  await row(`${first}.*up`);
  await press(page, `Drain ${first}`);
  await row(`${first}.*(drained|draining)`);
  const answer = await fetch(`${lab.base}/api/v1/backends`);
  const { backends } = (await answer.json()) as {
    backends: { name: string; servers: { id: string; state: string }[] }[];
  };
  t.equal(backends.find(({ name }) => name === 'app')?.servers.find(({ id }) => id === first)?.state, 'drain');
  await press(page, `Ready ${first}`);
  await row(`${first}.*up`);
  await press(page, `Edit ${second}`);
  await page.waitForSelector('dialog input[type=number]');
  await page.click('dialog input[type=number]', { count: 3 });
  await page.keyboard.type('7');
  await press(page, 'Save');
  await row(`${second}.*up.*7`);
  await press(page, 'Add server to backend app');
  await fill(page, '127.0.0.1:9');
  await press(page, 'Add');
  await row('127\\.0\\.0\\.1:9');
  await press(page, 'Edit 127.0.0.1:9');
  await until(
    page,
    `[...document.querySelectorAll('dialog label')].filter((each) => /Remove it/.test(each.textContent)).map((each) => { each.click(); return true; })[0]`,
  );
  await press(page, 'Remove');
  await untilText(page, '.notices', /127\.0\.0\.1:9 leaves backend app/);
});

t.test('routes: where a request would go', { skip }, async (t) => {
  const page = await lab.open(t, 'routes');
  await page.waitForSelector('.match-url input');
  await page.type('.match-url input', 'http://eu.api.example/v1');
  await press(page, 'Find the route');
  await untilText(page, '.found', /Route 2 of listener web takes it: backend app/);
  await page.select('.match select:not([value])', 'web');
  await page.evaluate(`document.querySelectorAll('.match select')[1].focus()`);
  await page.keyboard.type('POST');
  await page.type('.match-headers textarea', 'X-Version: 2');
  await press(page, 'Find the route');
  await untilText(page, '.found', /Route 1 of listener web takes it.*backend api/);
  await page.waitForSelector('tr.is-found');
  await page.type('.match-headers textarea', '\nnonsense');
  await press(page, 'Find the route');
  await untilText(page, '.problem', /"nonsense" is no header field/);
});

t.test('setup: what is in the way, and what would be changed', { skip }, async (t) => {
  const page = await lab.open(t, 'setup');
  await untilText(page, '.findings', /./);
  await page.click('.findings summary');
  await untilText(page, '.findings details[open] dt', /Wanted/);
  await press(page, 'Change what can be changed…');
  // Only looked at: what it finds depends on the machine, and nothing of it is to be changed.
  await until(page, `document.querySelector('dialog') ?? document.querySelector('.problem')`);
});

t.test('events: what was done is told', { skip }, async (t) => {
  const page = await lab.open(t, 'events');
  await untilText(page, '.event', /127\.0\.7\.1/);
  await page.select('select', 'change');
  await untilText(page, '.event', /change.*127\.0\.7\.9/s);
  const change = await fetch(`${lab.base}/api/v1/backends/api/servers/${lab.servers[0]}`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: '{"weight":4}',
  });
  t.equal(change.status, 200);
  await untilText(page, '.event:first-child', /weight/);
});
