import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The files of a machine, those of the kernel among them, below a root: `/`, or a scratch folder that looks like it. Paths are absolute, as
 * they are on that machine. What changes something is one step each, which is done or not; each throws the error of the system.
 */
export class Machine {
  readonly root: string;

  constructor(root = '/') {
    this.root = root;
  }

  /** Undefined where it is not there, or may not be read. */
  read(path: string): string | undefined {
    try {
      return readFileSync(this.at(path), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** Names in a folder, in order; none where there is no such folder. */
  list(path: string): string[] {
    try {
      return readdirSync(this.at(path)).sort();
    } catch {
      return [];
    }
  }

  exists(path: string): boolean {
    return existsSync(this.at(path));
  }

  /** The value of a setting of the kernel (`net.core.somaxconn`), numbers apart by one space; undefined where it is not there. */
  sysctl(key: string): string | undefined {
    const text = this.read(sysctlPath(key));
    return text === undefined ? undefined : normalise(text);
  }

  /** Whether it could be changed; of what is not there, whether it could be made. */
  isWritable(path: string): boolean {
    try {
      accessSync(this.at(path), constants.W_OK);
      return true;
    } catch (error) {
      const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      // Nothing can be made in the kernel's own folders.
      return isAbsent && !path.startsWith('/proc') && path !== '/' && this.isWritable(dirname(path));
    }
  }

  // Steps

  /** Writes what is not there yet, and has it on the disk. */
  create(path: string, text: string, mode = 0o644): void {
    const fd = openSync(this.at(path), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      writeAll(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  rename(from: string, to: string): void {
    renameSync(this.at(from), this.at(to));
    this.sync(dirname(to));
  }

  /** Nothing happens where it is not there. */
  remove(path: string): void {
    rmSync(this.at(path), { force: true });
  }

  makeDirectory(path: string, mode = 0o755): void {
    mkdirSync(this.at(path), { mode });
  }

  /** Throws ENOTEMPTY where something is in it. */
  removeDirectory(path: string): void {
    rmdirSync(this.at(path));
  }

  setSysctl(key: string, value: string): void {
    const fd = openSync(this.at(sysctlPath(key)), constants.O_WRONLY | constants.O_TRUNC);
    try {
      // The kernel takes a value in one write or not at all.
      writeSync(fd, `${value}\n`);
    } finally {
      closeSync(fd);
    }
  }

  at(path: string): string {
    return join(this.root, path);
  }

  private sync(directory: string): void {
    const fd = openSync(this.at(directory), constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

export function sysctlPath(key: string): string {
  return `/proc/sys/${key.replaceAll('.', '/')}`;
}

/** The kernel separates with tabs, and ends with a line feed. */
export function normalise(value: string): string {
  return value.trim().replace(/\s+/g, ' ');
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
