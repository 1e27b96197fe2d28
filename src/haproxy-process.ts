import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync } from 'node:fs';
import type { Clock, Timer } from '../lb/clock.ts';
import { HaproxySocketError, RuntimeSocket } from '../lb/haproxy/runtime-socket.ts';
import type { TlsFile } from '../lb/haproxy/tls-files.ts';
import { HaproxyFiles } from './haproxy-files.ts';
import { HaproxyError, HaproxyProgram } from './haproxy-program.ts';
import { askUntilGone } from './stray-haproxy.ts';
import { type Child, Supervisor } from './supervisor.ts';

const POLL_MS = 20;
const UP_MS = 10_000;
/** A machine has to be very busy for a master to take longer to become its next self. */
const AWAY_MS = 3000;
/** From the request to end at once until it is killed. */
const END_MS = 2000;

export interface HaproxyProcessDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Looked up where it is a bare name. */
  readonly command: string;
  /** Its own: for the configuration and the sockets. */
  readonly directory: string;
  readonly onDeath: (cause: string, delayMs: number) => void;
  /** It is started, anew if it died, and answers. */
  readonly onUp: () => void;
  /** A line that it has written of something grave. */
  readonly onAlert: (line: string) => void;
}

/**
 * One HAProxy: a master process and its workers, in no service of the distribution's. It outlives a crash of this process, and is taken over by
 * the next one that finds it in the same directory.
 */
export class HaproxyProcess {
  readonly socket: RuntimeSocket;
  readonly files: HaproxyFiles;
  private readonly deps: HaproxyProcessDeps;
  private readonly program: HaproxyProgram;
  private readonly master: RuntimeSocket;
  private readonly supervisor: Supervisor<Child>;
  private adopted: number | undefined = undefined;
  private isStopped = false;
  private asking: Timer | undefined = undefined;

  constructor(deps: HaproxyProcessDeps) {
    this.deps = deps;
    this.program = new HaproxyProgram(deps.command);
    this.files = new HaproxyFiles(deps.directory);
    this.socket = new RuntimeSocket(deps.clock, this.files.at('runtime.sock'));
    this.master = new RuntimeSocket(deps.clock, this.files.at('master.sock'));
    this.supervisor = new Supervisor({
      clock: deps.clock,
      random: deps.random,
      spawn: () => this.spawn(),
      onStart: () => void this.waitUntilUp(),
      onDeath: deps.onDeath,
    });
  }

  get pid(): number | undefined {
    return this.supervisor.current?.pid;
  }

  get restarts(): number {
    return this.supervisor.restarts;
  }

  /** Rejects with HaproxyError where HAProxy is absent or too old. Resolves with its version. */
  check(): Promise<string> {
    return this.program.check();
  }

  /** Puts a configuration in place that HAProxy has looked at, with the files that it names. Rejects with HaproxyError; the former one stays then. */
  async write(text: string, tls: readonly TlsFile[]): Promise<void> {
    const { files } = this;
    try {
      files.prepare();
      files.writeTls(tls);
      files.write(files.nextConfig, text);
    } catch (cause) {
      throw new HaproxyError(`${this.deps.directory} cannot be written: ${(cause as Error).message}`, { cause });
    }
    const { status, output } = await this.program.run(['-c', '-f', files.nextConfig]);
    if (status !== 0) throw new HaproxyError(`HAProxy refuses its configuration: ${firstAlert(output)}`);
    renameSync(files.nextConfig, files.config);
    files.keepTls(tls);
  }

  /** Takes over the one that runs in the directory already, or starts one. `onUp` follows. */
  async start(): Promise<void> {
    this.adopted = await this.findMaster();
    const { adopted } = this;
    if (this.isStopped) return;
    this.supervisor.start();
    if (adopted !== undefined) await this.reload();
  }

  private async findMaster(): Promise<number | undefined> {
    try {
      const pid = Number(/^(\d+)\s+master/m.exec(await this.master.ask('show proc'))?.[1]);
      return Number.isInteger(pid) && pid > 1 ? pid : undefined;
    } catch (error) {
      if (error instanceof HaproxySocketError && ['EACCES', 'EPERM'].includes(error.code)) throw error;
      return undefined;
    }
  }

  private spawn(): Child {
    const { adopted, files } = this;
    this.adopted = undefined;
    if (adopted !== undefined) return new AdoptedProcess(this.deps.clock, adopted, () => files.isOurs(adopted));
    // In a process group of its own: neither a terminal's Ctrl-C nor our own end is to end it.
    const child = spawn(
      this.program.file,
      ['-W', '-S', `${this.master.path},mode,600`, '-p', files.pid, '-f', files.config],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      },
    );
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) if (line.startsWith('[ALERT]')) this.deps.onAlert(tidy(line));
    });
    return child;
  }

  /** Which worker answers; undefined: none. */
  private async worker(): Promise<number | undefined> {
    try {
      return Number(/^Pid: (\d+)/m.exec(await this.socket.ask('show info'))?.[1]) || undefined;
    } catch (error) {
      if (error instanceof HaproxySocketError && ['EACCES', 'EPERM'].includes(error.code)) throw error;
      return undefined;
    }
  }

  private async waitUntilUp(): Promise<void> {
    const child = this.supervisor.current;
    for (let waitedMs = 0; waitedMs < UP_MS; waitedMs += POLL_MS) {
      if (this.isStopped || this.supervisor.current !== child) return;
      try {
        if ((await this.worker()) !== undefined) {
          this.deps.onUp();
          return;
        }
      } catch (error) {
        this.deps.onAlert((error as Error).message);
        return;
      }
      await this.pause();
    }
    this.deps.onAlert(`HAProxy did not come up in ${UP_MS / 1000} s`);
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      this.deps.clock.after(POLL_MS, resolve);
    });
  }

  /**
   * A new worker takes the place of the old one, on the same listening sockets; the old one, whose process id this resolves with, finishes what it
   * has. Rejects with HaproxyError where the new one did not start: the old one goes on then.
   */
  async reload(): Promise<number | undefined> {
    const before = await this.worker();
    await this.saveServers();
    const failedBefore = await this.failedReloads();
    await this.askMaster('reload');
    for (let waitedMs = 0; waitedMs < UP_MS; waitedMs += POLL_MS) {
      const now = await this.worker();
      if (now !== undefined && now !== before) return before;
      if (waitedMs % 200 === 0 && (await this.failedReloads()) > failedBefore) {
        throw new HaproxyError('HAProxy could not start with its new configuration; it goes on with the former one');
      }
      await this.pause();
    }
    throw new HaproxyError(`HAProxy did not reload in ${UP_MS / 1000} s`);
  }

  /** While it becomes its next self, at a reload, the master does not listen for a moment. */
  private async askMaster(command: string): Promise<string> {
    const child = this.supervisor.current;
    for (let waitedMs = 0; ; waitedMs += POLL_MS) {
      try {
        return await this.master.ask(command);
      } catch (error) {
        const isAway = error instanceof HaproxySocketError && ['ENOENT', 'ECONNREFUSED'].includes(error.code);
        if (!isAway || waitedMs >= AWAY_MS || this.supervisor.current !== child) throw error;
      }
      await this.pause();
    }
  }

  private async failedReloads(): Promise<number> {
    try {
      return Number(/failed: (\d+)/.exec(await this.master.ask('show proc'))?.[1] ?? 0);
    } catch {
      return 0;
    }
  }

  /** So that a server that is down is not taken for healthy by the next workers until their first check. */
  private async saveServers(): Promise<void> {
    try {
      this.files.write(this.files.state, `${(await this.socket.ask('show servers state')).trim()}\n`);
    } catch {
      // Then they are checked first.
    }
  }

  /** `show stat` of a worker, also of a former one while it lives; undefined: it has ended. Rejects with HaproxySocketError. */
  async statOf(worker: number): Promise<string | undefined> {
    const answer = await this.askMaster(`@!${worker} show stat`);
    return answer.startsWith('# ') ? answer : undefined;
  }

  /** Accepts nothing more, and ends when the last connection has. Nothing of it is left in its directory then. */
  async drain(): Promise<void> {
    this.isStopped = true;
    await this.supervisor.stop(
      (child) => {
        this.asking = askUntilGone(this.deps.clock, () => child.kill('SIGUSR1'));
      },
      2 ** 31 - 1,
    );
    this.remove();
  }

  /** Open connections are cut. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.deps.clock.clear(this.asking);
    // Killed workers are not asked for: without their master they end by themselves.
    await this.supervisor.stop((child) => child.kill('SIGTERM'), END_MS);
    this.remove();
  }

  private remove(): void {
    this.deps.clock.clear(this.asking);
    this.files.remove();
  }

  /** It goes on without this, as it does after a crash. */
  letGo(): void {
    this.isStopped = true;
    this.supervisor.letGo();
  }
}

/** A process that is just becoming another program, as HAProxy's master does at a reload, has no command line for a moment. */
const MISSES = 3;

/** A process that an earlier run has started. */
class AdoptedProcess implements Child {
  readonly pid: number;
  private readonly clock: Clock;
  private readonly isAlive: () => boolean;
  private timer: Timer | undefined = undefined;
  private misses = 0;

  /** `isAlive`: whether the number still is that process's. */
  constructor(clock: Clock, pid: number, isAlive: () => boolean) {
    this.clock = clock;
    this.pid = pid;
    this.isAlive = isAlive;
  }

  kill(signal?: NodeJS.Signals | number): boolean {
    try {
      return this.isAlive() && process.kill(this.pid, signal);
    } catch {
      return false;
    }
  }

  send = (): boolean => false;

  /** Only its end is told of. */
  on = ((event: string, listener: (code: number | null, signal: string | null) => void) => {
    if (event !== 'exit') return this;
    this.timer = this.clock.every(100, () => {
      this.misses = this.isAlive() ? 0 : this.misses + 1;
      if (this.misses < MISSES) return;
      this.clock.clear(this.timer);
      listener(null, 'its end');
    });
    return this;
  }) as unknown as ChildProcess['on'];
}

function firstAlert(output: string): string {
  const alert = output.split('\n').find((line) => line.startsWith('[ALERT]'));
  return alert === undefined ? output.trim().split('\n')[0]! : tidy(alert);
}

const tidy = (line: string): string => line.replace(/^\[ALERT\]\s+\(\d+\) : (config : )?/, '').trim();
