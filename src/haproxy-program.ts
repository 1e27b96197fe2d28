import { execFile } from 'node:child_process';
import { findProgram } from './find-program.ts';

/** `balance hash`, servers added at run time that follow another, `set-src`: all are there from 2.6 on. */
const OLDEST = [2, 6] as const;
const ANSWER_MS = 10_000;

/** HAProxy cannot be run; the message is one sentence that says what to do. */
export class HaproxyError extends Error {
  readonly code = 'HAPROXY';
  readonly source = 'local';
  readonly retryable = true;
}

/** The program HAProxy: whether it is there, and new enough. */
export class HaproxyProgram {
  private readonly command: string;
  private readonly env: NodeJS.ProcessEnv;

  /** `command`: a path, or a name that is looked up, anew each time: it may be installed meanwhile. */
  constructor(command: string, env: NodeJS.ProcessEnv = process.env) {
    this.command = command;
    this.env = env;
  }

  get file(): string {
    return this.command.includes('/') ? this.command : (findProgram(this.command, this.env) ?? this.command);
  }

  /** Resolves with its version. Rejects with HaproxyError where it is absent or too old. */
  async check(): Promise<string> {
    const { output } = await this.run(['-v']);
    const version = /version (\d+)\.(\d+)[^\s]*/.exec(output);
    if (version === null) throw new HaproxyError(`${this.file} does not say which version of HAProxy it is`);
    const [major = 0, minor = 0] = version.slice(1).map(Number);
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
      throw new HaproxyError(
        `HAProxy ${major}.${minor} (${this.file}) is too old, ${OLDEST.join('.')} or newer is needed: ` +
          'install it from a newer release or the backports of the distribution, or name another one by PORTICO_HAPROXY',
      );
    }
    return version[0].slice('version '.length);
  }

  /** Resolves when it has ended, with what it wrote. Rejects with HaproxyError where it cannot be run. */
  run(args: readonly string[]): Promise<{ readonly status: number; readonly output: string }> {
    const { file } = this;
    return new Promise((resolve, reject) => {
      execFile(file, [...args], { encoding: 'utf8', timeout: ANSWER_MS }, (error, stdout, stderr) => {
        const code = (error as NodeJS.ErrnoException | null)?.code;
        if (code === 'ENOENT') {
          const how = 'install it (portico setup --engine haproxy), or use another engine';
          reject(new HaproxyError(`HAProxy is not installed: there is no ${file}; ${how}`, { cause: error }));
        } else if (code === 'EACCES') {
          reject(new HaproxyError(`${file} may not be run; make it executable for this user`, { cause: error }));
        } else resolve({ status: error === null ? 0 : 1, output: stdout + stderr });
      });
    });
  }
}
