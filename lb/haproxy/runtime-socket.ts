import net from 'node:net';
import type { Clock } from '../clock.ts';

const ANSWER_MS = 2000;
/** HAProxy reads a line of commands into one buffer. */
const LINE_BYTES = 8000;

/** HAProxy could not be asked; `cause` has the errno. */
export class HaproxySocketError extends Error {
  readonly code: string;
  readonly source = 'local';
  readonly retryable = true;

  constructor(code: string, path: string, options?: ErrorOptions) {
    super(explain(code, path), options);
    this.code = code;
  }
}

function explain(code: string, path: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `permission denied at HAProxy's socket ${path}; it belongs to the user that HAProxy runs as: run Portico as the same`;
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `HAProxy does not listen at its socket ${path}`;
    case 'ETIMEDOUT':
      return `HAProxy did not answer at its socket ${path} in ${ANSWER_MS} ms`;
    default:
      return `HAProxy's socket ${path} failed: ${code}`;
  }
}

/** A socket on which HAProxy takes commands (management.txt, 9.3 and 9.4): one connection for each line. */
export class RuntimeSocket {
  readonly path: string;
  private readonly clock: Clock;

  constructor(clock: Clock, path: string) {
    this.clock = clock;
    this.path = path;
  }

  /** What it answers to one line of commands. Rejects with HaproxySocketError. */
  ask(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = net.connect(this.path);
      const fail = (code: string, cause?: unknown): void => {
        this.clock.clear(timer);
        socket.destroy();
        reject(new HaproxySocketError(code, this.path, { cause }));
      };
      const timer = this.clock.after(ANSWER_MS, () => fail('ETIMEDOUT'));
      socket.setEncoding('utf8');
      socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'EIO', error));
      socket.on('data', (data) => {
        answer += data;
      });
      socket.on('end', () => {
        this.clock.clear(timer);
        socket.destroy();
        resolve(answer);
      });
      // The master answers only once the line's end is the end of all.
      socket.end(`${line}\n`);
    });
  }

  /** Commands that each answer with a word of complaint or nothing; resolves with the complaints. */
  async tell(commands: readonly string[]): Promise<readonly string[]> {
    const answers: string[] = [];
    let line: string[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      if (line.length > 0) answers.push(await this.ask(line.join('; ')));
      line = [];
      bytes = 0;
    };
    for (const command of commands) {
      if (bytes + command.length > LINE_BYTES) await flush();
      line.push(command);
      bytes += command.length + 2;
    }
    await flush();
    return answers
      .flatMap((answer) => answer.split('\n'))
      .map((text) => text.trim())
      .filter((text) => text !== '' && text !== 'New server registered.' && text !== 'Server deleted.');
  }
}
