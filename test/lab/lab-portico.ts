import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HAPROXY } from '../../src/haproxy-engine.ts';
import { getText } from '../fixtures/get-text.ts';
import type { SuccessionStatus } from '../fixtures/succession.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const POLL_MS = 20;
/** Something that takes longer has not been recovered from, on the most crowded machine. */
const RECOVERY_MS = 120_000;

export interface LabPorticoOptions {
  readonly directory: string;
  readonly adminPort: number;
  /** The text of the config file with this number in it. */
  readonly config: (generation: number) => string;
  /** NODE_OPTIONS of all its processes. */
  readonly nodeOptions?: string | undefined;
}

/** The Portico under test. Its primary is killed, started and replaced; all of them write to one log file. */
export class LabPortico {
  generation = 0;
  readonly runtimeDirectory: string;
  private readonly options: LabPorticoOptions;
  private readonly configFile: string;
  private readonly logFile: string;

  constructor(options: LabPorticoOptions) {
    this.options = options;
    const { directory } = options;
    this.configFile = `${directory}/portico.yaml`;
    this.logFile = `${directory}/portico.log`;
    this.runtimeDirectory = `${directory}/run`;
    mkdirSync(this.runtimeDirectory, { mode: 0o700 });
    this.writeConfig();
  }

  /** The config of the current generation, or a text that is none. */
  writeConfig(text = this.options.config(this.generation)): void {
    writeFileSync(`${this.configFile}.new`, text);
    renameSync(`${this.configFile}.new`, this.configFile);
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const mark = this.mark();
    const log = openSync(this.logFile, 'a');
    const child = spawn(process.execPath, [MAIN, 'run', '-c', this.configFile], {
      stdio: ['ignore', log, log],
      env: { ...process.env, RUNTIME_DIRECTORY: this.runtimeDirectory, NODE_OPTIONS: this.options.nodeOptions ?? '' },
    });
    closeSync(log);
    child.on('error', () => {});
    await this.logged(/Portico is running\./, mark);
  }

  /** Takes back what is meant to outlive it, once it has ended. Throws what the command complains of. */
  flush(): void {
    const { configFile, runtimeDirectory } = this;
    const env = { ...process.env, RUNTIME_DIRECTORY: runtimeDirectory };
    execFileSync(process.execPath, [MAIN, 'stop', '--flush', '-c', configFile], { env, stdio: 'pipe' });
  }

  /** A place in the log: what comes after it is news. */
  mark(): number {
    return statSync(this.logFile, { throwIfNoEntry: false })?.size ?? 0;
  }

  logSince(mark: number): string {
    return readFileSync(this.logFile).subarray(mark).toString();
  }

  /** Resolves when the log matches after the mark; rejects after two minutes. */
  async logged(pattern: RegExp, mark: number): Promise<void> {
    await this.until(`${pattern} in the log`, async () => pattern.test(this.logSince(mark)), mark);
  }

  /** Asks again and again until it is true; rejects after two minutes. */
  async until(what: string, ask: () => Promise<boolean>, mark = this.mark()): Promise<void> {
    const deadline = performance.now() + RECOVERY_MS;
    while (!(await ask().catch(() => false))) {
      if (performance.now() > deadline) {
        throw new Error(`waited ${RECOVERY_MS / 1000} s in vain for ${what}; log:\n${this.logSince(mark)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await getText(this.options.adminPort, `/api/v1${path}`)).body) as T;
  }

  /** Of its master. Rejects where no listener is HAProxy's. */
  async haproxyPid(): Promise<number> {
    const { planes } = await this.get<SuccessionStatus>('/status');
    return planes.find(({ id }) => id === HAPROXY)!.pid;
  }

  /** Planes without HAProxy, which stands among them and lives longer than they do. */
  async status(): Promise<SuccessionStatus> {
    const status = await this.get<SuccessionStatus>('/status');
    return { ...status, planes: status.planes.filter(({ id }) => id !== HAPROXY) };
  }

  async metrics(): Promise<string> {
    return (await getText(this.options.adminPort, '/metrics')).body;
  }
}
