// `npm run descriptors [-- SECONDS]`: what a plane takes of the processor while it is out of descriptors, and how soon it is back.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { getText } from '../../fixtures/get-text.ts';
import { freePorts, PorticoProcess, writeConfig } from '../../fixtures/portico-process.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { cpuMicroseconds } from '../process-usage.ts';

const ROOM = 400;
const WAITING = 600;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
/** Requests a second on kept connections, in both halves of the comparison. */
const KEPT = 20;
const PAUSE_MS = 10;

const seconds = Number(process.argv[2] ?? 60);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const isAnswered = ({ received }: RawClient): boolean => received.includes('200 OK');

if (process.argv[2] === 'load') await load(Number(process.argv[3]));
else await run();

async function load(port: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: KEPT });
  process.on('disconnect', () => process.exit(0));
  const loop = async (): Promise<void> => {
    for (;;) {
      await new Promise<void>((resolve, reject) => {
        const request = http.get({ port, host: '127.0.0.1', agent }, (response) =>
          response.resume().on('end', resolve),
        );
        request.on('error', reject);
      });
      await pause(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: KEPT }, loop));
}

async function run(): Promise<void> {
  const [port, admin] = await freePorts();
  const file = writeConfig(`
planes: 1
drain_timeout: 1s
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, workers: { module: "builtin:echo", count: 1 } }]
`);
  const portico = new PorticoProcess(['run', '-c', file]);
  const children: ChildProcess[] = [];
  try {
    await portico.until(/Portico is running\./);
    const { planes } = JSON.parse((await getText(admin, '/api/v1/status')).body) as { planes: { pid: number }[] };
    const { pid } = planes[0]!;
    children.push(fork(fileURLToPath(import.meta.url), ['load', String(port)]));
    await pause(2000);
    const before = await cpuShare(pid, seconds);
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${ROOM}:`]);
    await pause(1000);
    const clients = Array.from({ length: ROOM + WAITING }, () => new RawClient(port).send(REQUEST));
    await portico.until(/accepts no connection until others end/);
    await pause(1000);
    const without = clients.filter((client) => !isAnswered(client)).length;
    const during = await cpuShare(pid, seconds);
    const began = performance.now();
    execFileSync('prlimit', ['--pid', String(pid), '--nofile=4096:']);
    for (const client of clients) await client.until((text) => text.includes('200 OK'));
    const backMs = performance.now() - began;
    const aborted = clients.filter(({ isClosed }) => isClosed).length;
    process.stdout.write(
      `| CPU before | CPU while ${without} clients wait | ratio | all served after | turned away |\n|---|---|---|---|---|\n` +
        `| ${percent(before)} | ${percent(during)} | ${(during / before).toFixed(2)} | ${Math.round(backMs)} ms | ${aborted} |\n`,
    );
    for (const client of clients) client.close();
  } finally {
    for (const child of children) child.kill();
    if (portico.child.exitCode === null) {
      portico.child.kill('SIGTERM');
      await once(portico.child, 'exit');
    }
  }
}

async function cpuShare(pid: number, forSeconds: number): Promise<number> {
  const from = cpuMicroseconds(pid);
  await pause(forSeconds * 1000);
  return (cpuMicroseconds(pid) - from) / (forSeconds * 1e6);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
