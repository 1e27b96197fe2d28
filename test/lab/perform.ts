import { isRunning } from '../../src/process-facts.ts';
import { sh } from '../fixtures/netns.ts';
import { pids } from '../fixtures/succession.ts';
import type { BackFault, Fault, FrontFault } from './fault.ts';
import { isFront } from './fault.ts';
import type { Laboratory } from './laboratory.ts';
import { BRIDGE, Surroundings } from './surroundings.ts';

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Does the fault, waits until all is well again, and returns what there is to say of it. Rejects where it is not well again in time. */
export function perform(lab: Laboratory, fault: Fault): Promise<string> {
  const { kind } = fault;
  return isFront(kind) ? FRONT[kind](lab, fault) : BACK[kind](lab, fault);
}

type Performer = (lab: Laboratory, fault: Fault) => Promise<string>;

const FRONT: Readonly<Record<FrontFault, Performer>> = {
  'plane-kill': (lab, fault) => losePlane(lab, fault, (pid) => process.kill(pid, 'SIGKILL')),
  // The heartbeat has to find it.
  'plane-stop': (lab, fault) => losePlane(lab, fault, () => {}),
  'haproxy-kill': loseHaproxy,
  'worker-kill': (lab, fault) => loseWorker(lab, fault, 'SIGKILL'),
  'worker-stop': (lab, fault) => loseWorker(lab, fault, 'SIGSTOP'),
  'primary-kill': async ({ portico }, { lastsMs }) => {
    const before = await portico.status();
    process.kill(before.pid, 'SIGKILL');
    await portico.until('the end of the primary', async () => !isRunning(before.pid));
    await wait(lastsMs);
    await portico.start();
    const after = await portico.status();
    return `${sameOf(pids(before.planes), pids(after.planes))} of ${before.planes.length} planes go on`;
  },
  'primary-stop': async ({ portico }, { lastsMs }) => {
    const { pid } = await portico.status();
    process.kill(pid, 'SIGSTOP');
    await wait(lastsMs);
    process.kill(pid, 'SIGCONT');
    await portico.status();
    return '';
  },
  reload: async (lab, fault) => {
    const { portico } = lab;
    const mark = portico.mark();
    portico.generation++;
    portico.writeConfig();
    // HAProxy takes a new config by a new process.
    const over = lab.disturb(fault, { drains: ['haproxy'] });
    process.kill((await portico.status()).pid, 'SIGHUP');
    await portico.logged(/the config was changed/, mark);
    over();
    lab.expectGeneration(portico.generation);
    return `generation ${portico.generation}`;
  },
  'reload-invalid': async ({ portico }, { index }) => {
    const mark = portico.mark();
    // One that cannot be read, and one that cannot be done.
    portico.writeConfig(
      index % 2 === 0 ? 'listeners: 3' : 'listeners: [{ name: x, bind: "192.0.2.1:80", backend: b }]',
    );
    process.kill((await portico.status()).pid, 'SIGHUP');
    await portico.logged(/the config was not changed/, mark);
    portico.writeConfig();
    return '';
  },
  upgrade: async (lab, fault) => {
    const { portico } = lab;
    const before = await portico.status();
    const over = lab.disturb(fault, { drains: ['web', 'raw'] });
    process.kill(before.pid, 'SIGUSR2');
    const old = [before.pid, ...pids(before.planes), ...pids(before.workers)];
    await portico.until('the end of the old processes', async () => !old.some(isRunning));
    over();
    const after = await portico.status();
    if (sameOf(old, [...pids(after.planes), ...pids(after.workers)]) > 0) throw new Error('an old process goes on');
    return '';
  },
};

/** Its workers end by themselves without their master. */
async function loseHaproxy(lab: Laboratory, fault: Fault): Promise<string> {
  const { portico } = lab;
  const mark = portico.mark();
  const over = lab.disturb(fault, { cuts: ['haproxy'] });
  process.kill(await portico.haproxyPid(), 'SIGKILL');
  await portico.logged(/haproxy died[\s\S]*haproxy accepts/, mark);
  over();
  return '';
}

const sameOf = (a: readonly number[], b: readonly number[]): number => a.filter((each) => b.includes(each)).length;

/** The plane is stopped first, so that what it has is known to the last connection. */
async function losePlane(lab: Laboratory, fault: Fault, end: (pid: number) => void): Promise<string> {
  const { portico } = lab;
  const { planes } = await portico.status();
  const { id, pid } = planes[fault.index % planes.length]!;
  const mark = portico.mark();
  process.kill(pid, 'SIGSTOP');
  const over = lab.disturb(fault, { clientPorts: lab.clientPorts(pid) });
  const startedMs = performance.now();
  end(pid);
  await portico.logged(new RegExp(`${id} died[\\s\\S]*${id} accepts`), mark);
  over();
  return `${id} is back after ${Math.round(performance.now() - startedMs)} ms`;
}

async function loseWorker(lab: Laboratory, fault: Fault, signal: NodeJS.Signals): Promise<string> {
  const { portico } = lab;
  const { workers } = await portico.status();
  const { pid } = workers[fault.index % workers.length]!;
  const over = lab.disturb(fault, { unsafeTo: 'workers', serverPid: pid });
  process.kill(pid, signal);
  await portico.until('another worker', async () => {
    const now = await portico.status();
    return now.workers.length === workers.length && now.workers.every((each) => each.ready && each.pid !== pid);
  });
  over();
  return '';
}

const BACK: Readonly<Record<BackFault, Performer>> = {
  'server-kill': async (lab, fault) => {
    const over = disturbServer(lab, fault);
    await lab.surroundings.killServer(fault.index);
    await wait(fault.lastsMs);
    await lab.surroundings.startServer(fault.index);
    await healthy(lab);
    over();
    return '';
  },
  'server-stop': (lab, fault) =>
    during(lab, fault, (isOn) => lab.surroundings.signalServer(fault.index, isOn ? 'SIGSTOP' : 'SIGCONT')),
  'server-slow': async ({ surroundings }, { index, lastsMs }) => {
    // Nothing may fail: it only takes longer.
    surroundings.tellServer(index, { type: 'slow', ms: 300 });
    await wait(lastsMs);
    surroundings.tellServer(index, { type: 'slow', ms: 0 });
    return '';
  },
  'server-reset': async (lab, fault) => {
    const over = disturbServer(lab, fault);
    for (let i = 0; i < 5; i++) {
      lab.surroundings.tellServer(fault.index, { type: 'reset' });
      await wait(fault.lastsMs / 10);
    }
    await healthy(lab);
    over();
    return '';
  },
  'rolling-restart': async (lab, fault) => {
    for (let i = 0; i < lab.surroundings.count; i++) {
      const over = disturbServer(lab, { ...fault, index: i });
      await lab.surroundings.killServer(i);
      await lab.surroundings.startServer(i);
      await healthy(lab);
      over();
    }
    return '';
  },
  'address-removed': async (lab, fault) => {
    const { SOURCES } = Surroundings;
    const source = SOURCES[fault.index % SOURCES.length]!;
    // It may be the one that the address was taken from by the fault before, and not be back yet.
    await lab.portico.until(`${source} on ${BRIDGE}`, async () => Surroundings.claimed().includes(source));
    const over = lab.disturb(fault, { source, unsafeTo: 'servers', listeners: ['web', 'raw'] });
    sh(`ip address del ${source}/32 dev ${BRIDGE}`);
    await lab.portico.until(`${source} on ${BRIDGE} again`, async () => Surroundings.claimed().includes(source));
    over();
    return source;
  },
  'link-down': (lab, fault) =>
    during(lab, fault, (isOn) => lab.surroundings.setLink(fault.index, isOn ? 'down' : 'up')),
  'log-stall': async ({ surroundings }, { lastsMs }) => {
    surroundings.stallLogDisk(true);
    await wait(lastsMs);
    surroundings.stallLogDisk(false);
    return '';
  },
};

/** Requests that may not be sent twice fail with their server, and its WebSockets end. */
function disturbServer(lab: Laboratory, { kind, index, ...rest }: Fault): () => void {
  return lab.disturb({ kind, index, ...rest }, { unsafeTo: 'servers', serverPid: lab.surroundings.pidOf(index) });
}

async function during(lab: Laboratory, fault: Fault, set: (isOn: boolean) => void): Promise<string> {
  const over = disturbServer(lab, fault);
  set(true);
  await wait(fault.lastsMs);
  set(false);
  await healthy(lab);
  over();
  return '';
}

/** So that two of three servers are never gone at once. */
async function healthy({ portico }: Laboratory): Promise<void> {
  await portico.until('healthy servers', async () => {
    const { backends } = await portico.get<{ backends: { name: string; servers: { healthy: boolean }[] }[] }>(
      '/backends',
    );
    return backends.every(({ name, servers }) => name === 'workers' || servers.every(({ healthy }) => healthy));
  });
}
