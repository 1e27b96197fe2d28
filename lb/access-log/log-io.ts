import { close, open, write } from 'node:fs';

/** The part of the file system that logs use. Everything is asynchronous: a disk that stalls holds up a thread of libuv's pool, never the event loop. */
export interface LogIo {
  open(path: string, done: (error: Error | null, fd: number) => void): void;
  write(
    fd: number,
    bytes: Buffer,
    from: number,
    to: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void;
  close(fd: number): void;
}

/** Owner and group may read: access logs hold addresses of people. */
const MODE = 0o640;

export const fileIo: LogIo = {
  // O_APPEND: the kernel puts each write at the end as it is then, so that all planes can share one file.
  open: (path, done) => open(path, 'a', MODE, done),
  write: (fd, bytes, from, to, done) => write(fd, bytes, from, to - from, null, done),
  close: (fd) => close(fd, () => {}),
};
