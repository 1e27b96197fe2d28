import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import t from 'tap';
import { WebSocket } from 'ws';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

interface Status {
  ready: boolean;
  planes: { id: string; pid: number; restarts: number }[];
  workers: { id: string; pid: number; restarts: number; server: string }[];
  ports: { used: number }[];
}

async function configText(extra = ''): Promise<{ text: string; port: number; admin: number }> {
  const [port, admin] = await freePorts();
  const text = `
planes: 2
drain_timeout: 2s
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends:
  - name: app
    pipelining: 16
    health: { path: /healthz, interval: 200ms }
    workers: { module: builtin:echo, count: 2 }
${extra}`;
  return { text, port, admin };
}

const get = (port: number, path: string, headers = {}): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    http
      .get({ port, path, headers, agent: false }, (response) => {
        let body = '';
        response.on('data', (data) => {
          body += data;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      })
      .on('error', reject);
  });

t.test('run serves, survives the death of its parts, and drains on SIGTERM', async (t) => {
  const { text, port, admin } = await configText();
  const portico = new PorticoProcess(['run', '-c', writeConfig(text)]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  const status = async (): Promise<Status> => JSON.parse((await get(admin, '/api/v1/status')).body) as Status;
  const until = async (test: (status: Status) => boolean): Promise<Status> => {
    for (;;) {
      const current = await status();
      if (test(current)) return current;
    }
  };
  await portico.until(/Portico is running\./);
  t.match(portico.stdout, new RegExp(`curl http://127.0.0.1:${port}/`));
  t.match(portico.stdout, new RegExp(`Metrics: http://127.0.0.1:${admin}/metrics`));
  const answer = await get(port, '/hello');
  t.equal(answer.status, 200);
  t.match(answer.body, /Hello from worker \d+: \/hello asked by 127\.0\.0\.1, reached from 127\.0\.1\.[1-4]/);
  t.match(await get(port, '/', { A_b: '1' }), { status: 200 }, 'a field that uWebSockets.js does not read');
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await once(socket, 'open');
  socket.send('ping');
  t.equal(String((await once(socket, 'message'))[0]), 'ping');
  t.match(await get(admin, '/readyz'), { status: 200 });
  const before = await status();
  t.equal(before.planes.length, 2);

  await t.test('a worker is killed', async (t) => {
    process.kill(before.workers[0]!.pid, 'SIGKILL');
    await until(({ workers }) => workers[0]!.restarts === 1);
    t.equal((await get(port, '/')).status, 200, 'the other one answers');
    const after = await until(({ ready, workers }) => ready && workers.every(({ pid }) => pid !== null));
    t.not(after.workers[0]!.pid, before.workers[0]!.pid);
    t.equal(after.workers[1]!.pid, before.workers[1]!.pid);
    t.same(
      after.planes.map(({ pid, restarts }) => [pid, restarts]),
      before.planes.map(({ pid }) => [pid, 0]),
    );
  });

  await t.test('a plane is killed', async (t) => {
    const requests = async (): Promise<number> => {
      const { body } = await get(admin, '/metrics');
      return [...body.matchAll(/^portico_requests_total\{.*\} (\d+)$/gm)].reduce(
        (sum, match) => sum + Number(match[1]),
        0,
      );
    };
    // Both planes have reported what they counted so far.
    const counted = await requests();
    t.ok(counted >= 3, `${counted} requests`);
    process.kill(before.planes[0]!.pid, 'SIGKILL');
    await until(({ planes }) => planes[0]!.restarts === 1);
    t.equal((await get(port, '/')).status, 200, 'the other one answers');
    await until(({ ready, planes }) => ready && planes.every(({ pid }) => pid !== null));
    t.ok((await requests()) >= counted, 'counters do not go down');
    t.equal((await status()).workers[1]!.pid, before.workers[1]!.pid);
  });

  socket.terminate();
  const { ports } = await until((current) => current.ports.every(({ used }) => used <= 2));
  t.ok(ports.length > 0);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
  await t.rejects(get(port, '/'), { code: 'ECONNREFUSED' });
  for (const { pid } of [...before.planes, ...before.workers]) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

t.test('a signal while it starts leaves nothing behind', async (t) => {
  // On a slow machine the start may be over before the signal comes: then it is tried again.
  for (let isInTime = false; !isInTime; ) {
    const { text, port } = await configText();
    // A backend without a healthy server holds the start up for some seconds, while planes and workers are there already.
    const extra = `  - { name: nobody, health: { interval: 1s }, servers: [{ address: "127.0.0.1:1" }] }\n`;
    const portico = new PorticoProcess(['run', '-c', writeConfig(text.replace('backends:\n', `backends:\n${extra}`))]);
    t.teardown(() => portico.child.kill('SIGKILL'));
    await portico.until(/plane-\d accepts/);
    const { pid: primary } = portico.child;
    const children = readFileSync(`/proc/${primary}/task/${primary}/children`, 'utf8').trim().split(' ').map(Number);
    portico.child.kill('SIGTERM');
    t.equal(await portico.ended(), 0);
    t.ok(children.length >= 4, 'two planes and two workers');
    await t.rejects(get(port, '/'), { code: 'ECONNREFUSED' });
    for (const pid of children) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    isInTime = !/running/.test(portico.stdout);
  }
});

t.test('a port in use is said in one sentence', async (t) => {
  const { text, port, admin } = await configText();
  const squatter = http.createServer().listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  const file = writeConfig(text);
  const first = new PorticoProcess(['run', '-c', file]);
  t.equal(await first.ended(), 1);
  t.equal(
    first.stderr,
    `portico: port ${port} is in use by another program (listener "web" at 127.0.0.1:${port}); stop that program or change "bind".\n`,
  );
  squatter.close();
  const other = http.createServer().listen(admin, '127.0.0.1');
  await once(other, 'listening');
  const second = new PorticoProcess(['run', '-c', file]);
  t.equal(await second.ended(), 1);
  t.equal(
    second.stderr,
    `portico: the admin address 127.0.0.1:${admin} is in use; stop the program that has it or change admin.listen.\n`,
  );
  other.close();
});

t.test('a second Portico on the same port is refused, the first goes on', async (t) => {
  const { text, port } = await configText();
  const file = writeConfig(text);
  const first = new PorticoProcess(['run', '-c', file]);
  t.teardown(() => first.child.kill('SIGKILL'));
  await first.until(/Portico is running\./);
  const second = new PorticoProcess(['run', '-c', file]);
  t.equal(await second.ended(), 1);
  t.match(second.stderr, /is in use/);
  t.equal((await get(port, '/')).status, 200);
  first.child.kill('SIGINT');
  t.equal(await first.ended(), 0);
});

t.test('a worker that cannot start is reported, and the rest runs', async (t) => {
  const { text, port } = await configText();
  const portico = new PorticoProcess(['run', '-c', writeConfig(text.replace('builtin:echo', './missing.js'))]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/worker app-1 cannot start: Cannot find module/);
  await portico.until(/Portico is running\./);
  t.equal((await get(port, '/')).status, 503);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});

t.test('the command line', async (t) => {
  const run = async (...args: string[]) => {
    const portico = new PorticoProcess(args);
    return { status: await portico.ended(), out: portico.stdout, err: portico.stderr };
  };
  const { text } = await configText();
  const good = writeConfig(text);
  const bad = writeConfig(text.replace('pipelining', 'pipelinning'));
  t.match(await run('--help'), { status: 0, out: /^Usage: portico COMMAND/ });
  t.match(await run('--version'), { status: 0, out: /^\d+\.\d+\.\d+\n$/ });
  t.match(await run('validate', good), { status: 0, out: /is valid/ });
  t.match(await run('validate', bad), {
    status: 1,
    out: /portico\.yaml:\d+:\d+: unknown key "pipelinning" in backends\[0\].*did you mean "pipelining"\?/,
  });
  const json = JSON.parse((await run('validate', '--json', bad)).out) as { ok: boolean; faults: { line: number }[] };
  t.equal(json.ok, false);
  t.type(json.faults[0]?.line, 'number');
  t.match(await run('run', '-c', bad), { status: 1, err: /did you mean "pipelining"\?/ });
  t.match(await run('run', '-c', '/nowhere/portico.yaml'), {
    status: 1,
    err: '/nowhere/portico.yaml: there is no such file\n',
  });
  t.match(await run('validat', good), { status: 2, err: /there is no command "validat"; did you mean "validate"\?/ });
  t.match(await run('validate'), { status: 2, err: /validate takes one file/ });
  t.match(await run('run', '--frobnicate'), { status: 2, err: /frobnicate/ });
  t.match(await run(), { status: 2, err: /no command given/ });
});
