import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TlsFile } from '../lb/haproxy/tls-files.ts';
import { commandLineOf } from './process-facts.ts';

const PRIVATE = 0o600;

/** The directory of one HAProxy: its configuration, certificates with their keys, and sockets. Its user alone may look into it. */
export class HaproxyFiles {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  at(name: string): string {
    return join(this.directory, name);
  }

  get config(): string {
    return this.at('haproxy.cfg');
  }

  /** One that HAProxy has not looked at yet. */
  get nextConfig(): string {
    return this.at('next.cfg');
  }

  get state(): string {
    return this.at('servers.state');
  }

  get pid(): string {
    return this.at('haproxy.pid');
  }

  get tls(): string {
    return haproxyTlsDirectory(this.directory);
  }

  /** Throws what `fs` throws, and an Error where somebody else made the directory. */
  prepare(): void {
    for (const directory of [this.directory, this.tls]) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const found = lstatSync(directory);
      if (!found.isDirectory() || found.uid !== process.getuid?.()) throw new Error('it belongs to somebody else');
      chmodSync(directory, 0o700);
    }
    // A file that is not there is worth a warning to HAProxy; one without servers is not.
    if (!existsSync(this.state)) this.write(this.state, '1\n');
  }

  /** Whole or not at all. */
  write(path: string, text: string): void {
    const partial = `${path}.new`;
    rmSync(partial, { force: true });
    writeFileSync(partial, text, { mode: PRIVATE, flag: 'wx' });
    renameSync(partial, path);
  }

  writeTls(files: readonly TlsFile[]): void {
    for (const { name, text } of files) this.write(join(this.tls, name), text);
  }

  /** Removes certificates and keys that are none of these. */
  keepTls(files: readonly TlsFile[]): void {
    const names = new Set(files.map(({ name }) => name));
    for (const name of readdirSync(this.tls)) if (!names.has(name)) rmSync(join(this.tls, name), { force: true });
  }

  /** Of HAProxy's master, while it is one that was started here. */
  get runningPid(): number | undefined {
    try {
      const pid = Number(/^\d+/.exec(readFileSync(this.pid, 'utf8'))?.[0]);
      return this.isOurs(pid) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whether that process is an HAProxy with the configuration of this directory, and not another one with the same number. */
  isOurs(pid: number): boolean {
    return commandLineOf(pid).includes(this.config);
  }

  /** Nothing happens where it is not there. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const haproxyDirectory = (runtime: string): string => join(runtime, 'haproxy');
export const haproxyTlsDirectory = (directory: string): string => join(directory, 'tls');
