import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { holdWebSockets } from '../../fixtures/held-websockets.ts';
import { freePorts, writeConfig } from '../../fixtures/portico-process.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
const TOLERANCE = 0.02;

interface Limit {
  readonly id: string;
  readonly connections: number;
}

/** What `portico check` says of a config, and what is reached with it, both with the same limit of descriptors. */
async function compare(
  t: Test,
  nofile: number,
  yaml: (port: number, admin: number) => string,
): Promise<{ readonly first: Limit; readonly open: number; readonly refusal: string | undefined }> {
  const [port, admin] = await freePorts();
  const file = writeConfig(yaml(port, admin));
  const limited = ['prlimit', `--nofile=${nofile}:${nofile}`, process.execPath, MAIN] as const;
  const [command, ...args] = limited;
  const { stdout } = spawnSync(command, [...args, 'check', '-c', file, '--json'], { encoding: 'utf8' });
  const [first] = (JSON.parse(stdout) as { capacity: Limit[] }).capacity;
  const portico = spawn(command, [...args, 'run', '-c', file], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => portico.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    let text = '';
    portico.stdout.on('data', (data) => {
      text += data;
      if (text.includes('Portico is running.')) resolve();
    });
    portico.on('exit', () => reject(new Error('Portico did not start')));
  });
  const held = await holdWebSockets(port, 2 * first!.connections);
  await held.close();
  await usedNone(t, admin);
  const exited = new Promise((resolve) => portico.once('exit', resolve));
  portico.kill('SIGTERM');
  await exited;
  t.comment(`${first!.id}: forecast ${first!.connections}, reached ${held.open} (${held.refusal})`);
  return { first: first!, open: held.open, refusal: held.refusal };
}

/** Resolves when no source port is in use any more. */
async function usedNone(t: Test, admin: number): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${admin}/api/v1/status`);
    const { ports } = (await answer.json()) as { ports: { used: number }[] };
    if (ports.every(({ used }) => used <= 2)) return;
    t.comment('waiting for ports to be free');
  }
}

const near = (t: Test, { connections }: Limit, open: number): void => {
  const error = Math.abs(open - connections) / connections;
  t.ok(error <= TOLERANCE, `forecast ${connections}, reached ${open}: ${(error * 100).toFixed(2)} % off`);
};

t.test('a run that is stopped by descriptors', async (t) => {
  const { first, open, refusal } = await compare(
    t,
    4096,
    (port, admin) => `planes: 1
drain_timeout: 0
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, connections_per_server: 65535, workers: { module: builtin:echo, count: 2 } }]
`,
  );
  t.equal(first.id, 'descriptors');
  t.not(refusal, undefined);
  near(t, first, open);
});

t.test('a run that is stopped by ports', async (t) => {
  const { first, open, refusal } = await compare(
    t,
    16_384,
    (port, admin) => `planes: 1
drain_timeout: 0
admin: { listen: "127.0.0.1:${admin}" }
sources: [{ name: default, addresses: [127.0.1.1-127.0.1.2], ports: 20096-21119, exhaustion: { queue: 0 } }]
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, connections_per_server: 65535, health: {}, workers: { module: builtin:echo, count: 1 } }]
`,
  );
  t.equal(first.id, 'ports');
  t.match(refusal, /^HTTP\/1\.1 503/);
  near(t, first, open);
});
