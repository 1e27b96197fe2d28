import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { freePorts, killSurvivors, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

/** Node has no datagrams on Unix sockets; Perl is on every Debian. */
const RECEIVER = `
use IO::Socket::UNIX; use Socket; $| = 1;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
print "listening\\n";
while (defined $socket->recv(my $text, 4096)) { $text =~ s/\\n/ /g; print "$text\\n"; }
`;

class Receiver {
  text = '';
  readonly child: ChildProcess;
  private waiters: (() => void)[] = [];

  constructor(path: string) {
    this.child = spawn('perl', ['-e', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout!.on('data', (data) => {
      this.text += data;
      for (const waiter of this.waiters.splice(0)) waiter();
    });
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
  }
}

t.test('systemd hears of the start, of reloads, of an upgrade and of the end', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'portico-notify-'));
  const receiver = new Receiver(join(directory, 'notify'));
  t.teardown(() => {
    receiver.child.kill();
    killSurvivors(directory);
    rmSync(directory, { recursive: true, force: true });
  });
  await receiver.until(/listening/);
  const [port, admin] = await freePorts();
  const file = writeConfig(`
planes: 1
drain_timeout: 1s
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }]
`);
  const portico = new PorticoProcess(['run', '-c', file], undefined, {
    RUNTIME_DIRECTORY: directory,
    NOTIFY_SOCKET: join(directory, 'notify'),
    WATCHDOG_USEC: '200000',
  });
  t.teardown(() => portico.child.kill('SIGKILL'));
  await receiver.until(/READY=1[\s\S]*WATCHDOG=1[\s\S]*WATCHDOG=1/);
  t.notMatch(receiver.text, /RELOADING/);
  writeFileSync(file, readFileSync(file, 'utf8').replace('drain_timeout: 1s', 'drain_timeout: 2s'));
  portico.child.kill('SIGHUP');
  await receiver.until(/RELOADING=1 MONOTONIC_USEC=\d+ [\s\S]*READY=1/);
  const gone = once(portico.child, 'exit');
  portico.child.kill('SIGUSR2');
  const [, successor] = await receiver.until(/MAINPID=(\d+) READY=1/);
  t.match(await gone, [0], 'the first one goes when the other is known');
  const { text } = receiver;
  receiver.text = '';
  await receiver.until(/WATCHDOG=1[\s\S]*WATCHDOG=1/);
  t.pass('the other one says that it is alive');
  process.kill(Number(successor), 'SIGTERM');
  await receiver.until(/STOPPING=1 EXTEND_TIMEOUT_USEC=\d+/);
  t.notMatch(text, /STOPPING/, 'an upgrade is no stop');
  while (true) {
    try {
      process.kill(Number(successor), 0);
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${successor}/status`, 'utf8'))) break;
    } catch {
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
});
